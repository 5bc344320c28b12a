#include "checkpoint/commit.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "checkpoint/branch.h"
#include "checkpoint/directory.h"
#include "checkpoint/durable.h"
#include "checkpoint/rank_file.h"
#include "checkpoint/step_names.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

bool is_leftover(const std::string& name) {
  if (name.starts_with(kLatestName)) return name.ends_with(".tmp");  // of core::write_file_atomically
  return marked_step_of(name, Mark::partial) || marked_step_of(name, Mark::removed);
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06d}Z", fmt::gmtime(seconds.count()), microseconds.count());
}

/// Reads what each rank wrote, and so proves that it is there and whole in its structure.
void collect_rank_files(const fs::path& directory, Manifest& manifest) {
  std::map<std::pair<std::string, std::string>, TensorEntry> tensors;
  for (int rank = 0; rank < manifest.world_size; ++rank) {
    const std::string name = rank_file_name(rank);
    const LoadedTable loaded = read_rank_table(directory / name);
    manifest.files.push_back({name, static_cast<std::int64_t>(fs::file_size(directory / name)), loaded.digest});
    for (std::size_t piece = 0; piece < loaded.table.pieces.size(); ++piece) {
      const TensorBox& box = loaded.table.pieces[piece].box;
      TensorEntry& tensor = tensors[{box.tensor, box.kind}];
      if (tensor.boxes.empty()) tensor = {box.tensor, box.kind, box.dtype, box.shape, {}};
      core::require(tensor.dtype == box.dtype && tensor.shape == box.shape, "all ranks save one tensor alike");
      tensor.boxes.push_back({rank, static_cast<int>(piece), box.box});
    }
  }
  for (auto& [key, tensor] : tensors) {
    core::require(tiles(tensor), "the boxes of all ranks tile each tensor");
    manifest.tensors.push_back(std::move(tensor));
  }
}

/// The checkpoint is safe already: what fails now is worth a note, not an end.
void noting(std::vector<std::string>& notes, const auto& work) {
  try {
    work();
  } catch (const core::Error& error) {
    notes.push_back(error.what());
  }
}

/// Takes away the checkpoints that `keep` no longer covers: those of abandoned branches first, then the ones saved
/// first, never the one LATEST names. What cannot be read stays: it may belong to a newer Baleen.
std::vector<std::string> remove_old(const fs::path& run_dir, int keep, std::uint64_t id) {
  std::vector<std::string> notes;
  if (keep <= 0) return notes;
  std::vector<ListedCheckpoint> listed = list_abandoned(run_dir);
  std::ranges::move(list_checkpoints(run_dir), std::back_inserter(listed));
  std::erase_if(listed, [](const ListedCheckpoint& checkpoint) { return !checkpoint.complete(); });
  std::ranges::sort(listed, [](const ListedCheckpoint& a, const ListedCheckpoint& b) {
    return a.abandoned != b.abandoned ? a.abandoned : saved_before(a, b);
  });
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < listed.size(); ++i)
    if (!listed[i].latest) noting(notes, [&] { take_away(listed[i].path, marked(listed[i].path, Mark::removed, id)); });
  return notes;
}

}  // namespace

CheckpointSave::CheckpointSave(const fs::path& run_dir, std::int64_t step, std::uint64_t id)
    : run_dir_(run_dir),
      final_(checkpoints_directory(run_dir) / step_directory_name(step)),
      partial_(marked(final_, Mark::partial, id)),
      step_(step),
      id_(id) {}

void CheckpointSave::prepare() {
  const fs::path checkpoints = checkpoints_directory(run_dir_);
  core::make_folder(checkpoints);
  for (const fs::path& path : entries_of(checkpoints))
    if (is_leftover(path.filename().string())) remove_directory(path);
  settle_replaced(run_dir_);
  core::make_folder(partial_);
}

std::vector<std::string> CheckpointSave::commit(Manifest manifest, const std::string& config, int keep) {
  core::require(manifest.step == step_ && manifest.files.empty(), "the manifest is of this save");
  try {
    collect_rank_files(partial_, manifest);
  } catch (const core::Error& error) {
    if (error.code() != core::ExitCode::corrupt_checkpoint) throw;
    throw core::Error(core::ExitCode::storage, fmt::format("checkpoint {} not committed: {}", step_, error.what()),
                      "a file that was just written cannot be read back: check the file system");
  }
  manifest.saved = utc_now();
  manifest.config_digest = core::digest_of(config);
  core::write_file_atomically(partial_ / kConfigName, config);
  core::write_file_atomically(partial_ / kManifestName, to_json(manifest));

  const fs::path replaced = replace_directory(partial_, final_, marked(final_, Mark::replaced, id_));
  write_latest(run_dir_, step_);

  std::vector<std::string> notes = remove_old(run_dir_, keep, id_);
  if (!replaced.empty()) noting(notes, [&] { take_away(replaced, marked(final_, Mark::removed, id_)); });
  return notes;
}

void CheckpointSave::abandon() noexcept {
  std::error_code ignored;  // the next save removes what stays
  fs::remove_all(partial_, ignored);
}

}  // namespace baleen::checkpoint
