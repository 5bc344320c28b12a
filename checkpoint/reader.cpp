#include "checkpoint/reader.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "checkpoint/block_reader.h"
#include "checkpoint/directory.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

core::Error corrupt(const std::string& what) {
  return {core::ExitCode::corrupt_checkpoint, what};
}

/// Runs `work`; to errors of damage it adds what to do about them.
auto with_next_action(const fs::path& checkpoint, StepOption option, const auto& work) {
  try {
    return work();
  } catch (const core::Error& error) {
    if (error.code() != core::ExitCode::corrupt_checkpoint) throw;
    throw core::Error(error.code(), error.what(), next_action_for_damage(checkpoint, option));
  }
}

/// An open rank file. Its table is that of the manifest.
struct RankFile {
  RankFile(const fs::path& file_path, const FileEntry& entry)
      : path(file_path),
        descriptor(core::open_file(path, O_RDONLY)),
        table(read_rank_table(path, &entry.table_digest).table) {}
  fs::path path;
  core::FileDescriptor descriptor;
  RankTable table;
};

}  // namespace

class CheckpointReader::State {
 public:
  State(const fs::path& directory, StepOption option)
      : directory_(directory), step_option_(option), manifest_(read_manifest(directory)) {
    check_files(manifest_, directory);
    config_ = core::read_file(directory / kConfigName);
    files_.resize(manifest_.files.size());
  }

  const fs::path& directory() const { return directory_; }
  StepOption step_option() const { return step_option_; }
  const Manifest& manifest() const { return manifest_; }
  const std::string& config() const { return config_; }

  /// Opened when first needed: a rank that loads its shard touches few files.
  const RankFile& file(int index) const {
    const std::lock_guard lock(mutex_);
    const auto at = static_cast<std::size_t>(index);
    const FileEntry& entry = manifest_.files[at];
    if (!files_[at]) files_[at] = std::make_unique<RankFile>(directory_ / entry.name, entry);
    return *files_[at];
  }

  /// What the rank file's table says of a box of the manifest.
  const StoredPiece& piece(const RankFile& in, const TensorEntry& tensor, const StoredBox& stored) const {
    const auto at = static_cast<std::size_t>(stored.piece);
    const TensorBox expected{tensor.name, tensor.kind, tensor.dtype, tensor.shape, stored.box};
    if (at >= in.table.pieces.size() || in.table.pieces[at].box != expected)
      throw corrupt(fmt::format("{}: its table does not hold {} of {} {}", in.path.string(), str(stored.box),
                                tensor.kind, tensor.name));
    return in.table.pieces[at];
  }

  void read(const TensorEntry& tensor, const Box& box, std::span<std::byte> out) const {
    std::int64_t found = 0;
    for (const StoredBox& stored : tensor.boxes) {
      const std::int64_t shared = intersection(stored.box, box).elements();
      if (shared == 0) continue;
      const RankFile& in = file(stored.file);
      BlockReader reader(in.descriptor, in.path, piece(in, tensor, stored), in.table.block_bytes);
      copy_shared(reader, stored.box, box, core::dtype_size(tensor.dtype), out);
      found += shared;
    }
    if (found != box.elements())
      throw corrupt(fmt::format("{}: {} elements of {} {} {} were saved, it has {}", directory_.string(), found,
                                tensor.kind, tensor.name, str(box), box.elements()));
  }

 private:
  fs::path directory_;
  StepOption step_option_;
  Manifest manifest_;
  std::string config_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<RankFile>> files_;
};

CheckpointReader::CheckpointReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
CheckpointReader::CheckpointReader(CheckpointReader&&) noexcept = default;
CheckpointReader& CheckpointReader::operator=(CheckpointReader&&) noexcept = default;
CheckpointReader::~CheckpointReader() = default;

CheckpointReader CheckpointReader::open(const fs::path& directory, StepOption option) {
  return CheckpointReader(
      with_next_action(directory, option, [&] { return std::make_unique<State>(directory, option); }));
}

const fs::path& CheckpointReader::directory() const {
  return state_->directory();
}

const Manifest& CheckpointReader::manifest() const {
  return state_->manifest();
}

const std::string& CheckpointReader::config() const {
  return state_->config();
}

const TensorEntry* CheckpointReader::find(const std::string& tensor, const std::string& kind) const {
  const std::vector<TensorEntry>& tensors = manifest().tensors;
  const auto at = std::ranges::lower_bound(tensors, std::tie(tensor, kind), {},
                                           [](const TensorEntry& entry) { return std::tie(entry.name, entry.kind); });
  return at != tensors.end() && at->name == tensor && at->kind == kind ? &*at : nullptr;
}

void CheckpointReader::read(const std::string& tensor, const std::string& kind, const Box& box,
                            std::span<std::byte> out) const {
  const TensorEntry* entry = find(tensor, kind);
  if (entry == nullptr)
    throw core::Error(core::ExitCode::usage, fmt::format("{} holds no {} of {}", directory().string(), kind, tensor),
                      "compare its config.toml with this run's, or list its tensors: baleen ckpt ls --tensors");
  core::require(contains(entry->shape, box), "a box that is read lies inside its tensor");
  core::require(static_cast<std::int64_t>(out.size()) == box.elements() * core::dtype_size(entry->dtype),
                "a box that is read comes with room for its bytes");
  with_next_action(directory(), state_->step_option(), [&] { state_->read(*entry, box, out); });
}

std::vector<std::string> CheckpointReader::verify(const std::function<void(std::int64_t)>& progress) const {
  std::vector<std::string> faults;
  const auto noting = [&](const auto& work) {
    try {
      work();
    } catch (const core::Error& error) {
      faults.push_back(error.what());
    }
  };
  std::vector<const RankFile*> files(manifest().files.size(), nullptr);
  for (std::size_t i = 0; i < files.size(); ++i)
    noting([&] {
      const RankFile& in = state_->file(static_cast<int>(i));
      files[i] = &in;
      check_datasets(in.path, in.table);
    });
  for (const TensorEntry& tensor : manifest().tensors)
    for (const StoredBox& stored : tensor.boxes)
      if (const RankFile* in = files[static_cast<std::size_t>(stored.file)])
        noting([&] { state_->piece(*in, tensor, stored); });
  for (const RankFile* in : files) {
    if (in == nullptr) continue;
    for (const StoredPiece& piece : in->table.pieces) {
      BlockReader reader(in->descriptor, in->path, piece, in->table.block_bytes);
      for (std::size_t block = 0; block < piece.blocks.size(); ++block)
        noting([&] { progress(reader.check(static_cast<std::int64_t>(block))); });
    }
  }
  return faults;
}

}  // namespace baleen::checkpoint
