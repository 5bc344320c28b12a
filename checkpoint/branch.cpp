#include "checkpoint/branch.h"

#include <chrono>

#include "checkpoint/directory.h"
#include "checkpoint/durable.h"
#include "checkpoint/step_names.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

std::uint64_t new_id() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

}  // namespace

void write_latest(const fs::path& run_dir, std::int64_t step) {
  core::write_file_atomically(checkpoints_directory(run_dir) / kLatestName, step_directory_name(step) + "\n");
}

void settle_replaced(const fs::path& run_dir) {
  const fs::path checkpoints = checkpoints_directory(run_dir);
  for (const fs::path& path : entries_of(checkpoints)) {
    const auto step = marked_step_of(path.filename().string(), Mark::replaced);
    if (!step) continue;
    const fs::path name = checkpoints / step_directory_name(*step);
    std::error_code error;
    if (fs::exists(name, error)) {
      take_away(path, marked(name, Mark::removed, new_id()));
    } else {
      rename_durably(path, name);
    }
  }
}

std::vector<std::int64_t> go_on_from(const fs::path& run_dir, std::int64_t step) {
  settle_replaced(run_dir);
  write_latest(run_dir, step);
  const std::uint64_t id = new_id();
  std::vector<std::int64_t> abandoned;
  for (const ListedCheckpoint& listed : list_checkpoints(run_dir)) {
    if (listed.step <= step) continue;
    rename_durably(listed.path, marked(listed.path, Mark::abandoned, id));
    abandoned.push_back(listed.step);
  }
  return abandoned;
}

}  // namespace baleen::checkpoint
