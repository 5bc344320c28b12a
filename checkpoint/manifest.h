#pragma once
// manifest.json: what a checkpoint holds and where. It is written last, so a directory that has one is complete.
// It carries a digest of itself, the digest of each rank file's table and of config.toml; the tables carry those of the
// data (checkpoint/rank_file.h), so one chain covers every byte.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/tensor_box.h"
#include "core/digest.h"

namespace baleen::checkpoint {

inline constexpr int kFormatVersion = 1;
inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr std::string_view kConfigName = "config.toml";

/// What the trainer must have to go on, beside tensors: "scaler.scale", "sampler.position", "metrics.loss", ...
/// Doubles come back bit for bit, non-finite ones included.
class TrainerState {
 public:
  using Value = std::variant<std::int64_t, double, std::string>;

  void set(const std::string& key, std::int64_t value) { values_[key] = value; }
  void set(const std::string& key, int value) { values_[key] = std::int64_t{value}; }
  void set(const std::string& key, double value) { values_[key] = value; }
  void set(const std::string& key, std::string value) { values_[key] = std::move(value); }
  bool contains(const std::string& key) const { return values_.contains(key); }
  /// Throw Error(corrupt_checkpoint) where the key is missing or of another type.
  std::int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  const std::string& text(const std::string& key) const;
  const std::map<std::string, Value>& values() const { return values_; }

 private:
  std::map<std::string, Value> values_;
};

struct FileEntry {
  std::string name;  // in the checkpoint's directory: "rank-00000.h5"
  std::int64_t bytes = 0;
  core::Digest table_digest;
};

/// A part of a tensor as it was saved.
struct StoredBox {
  int file = 0;   // index in Manifest::files
  int piece = 0;  // index in that file's table
  Box box;
};

struct TensorEntry {
  std::string name;
  std::string kind;
  core::DType dtype = core::DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<StoredBox> boxes;  // they tile the tensor

  std::int64_t bytes() const;
};

/// Whether the boxes hold every element of the tensor, and each once: two ranks that saved the same part, and a part
/// that nobody saved, would add up to the right number of elements.
bool tiles(const TensorEntry& tensor);

struct Manifest {
  // Given by the trainer.
  std::int64_t step = 0;            // training steps done
  std::int64_t optimizer_step = 0;  // of these, not skipped
  int world_size = 1;
  std::string mesh;                             // ParallelDims::str()
  std::map<std::string, std::string> versions;  // "baleen", "libtorch", "hdf5", ...
  TrainerState trainer;

  // Filled by CheckpointSave::commit().
  std::string saved;           // UTC, "2026-01-31T12:00:00.123456Z": later ones compare greater
  core::Digest config_digest;  // of config.toml beside it
  std::vector<FileEntry> files;
  std::vector<TensorEntry> tensors;  // ascending by (name, kind)

  std::int64_t bytes() const;  // of all rank files
};

std::string to_json(const Manifest& manifest);
/// `path` is for messages. Throws Error(corrupt_checkpoint) for text that is cut, changed, or of a newer format
/// version.
Manifest manifest_from_json(std::string_view text, const std::filesystem::path& path);

/// Throws Error(corrupt_checkpoint) where a file that the manifest names is not there or has another length.
void check_files(const Manifest& manifest, const std::filesystem::path& checkpoint);

/// Reads and checks `checkpoint`/manifest.json. Throws Error(usage) where there is none.
Manifest read_manifest(const std::filesystem::path& checkpoint);

}  // namespace baleen::checkpoint
