#pragma once
// Reads tensors of a checkpoint in any layout: a box that is asked for is put together from whatever boxes were saved.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/directory.h"
#include "checkpoint/manifest.h"

namespace baleen::checkpoint {

class CheckpointReader {
 public:
  /// Reads the manifest and checks that every file it names is there with its length, and that config.toml fits.
  /// Throws Error(usage) where `directory` is no checkpoint, Error(corrupt_checkpoint) where it is damaged: the message
  /// names the file, the next action the steps that are complete beside it.
  static CheckpointReader open(const std::filesystem::path& directory, StepOption option = StepOption::resume);
  CheckpointReader(CheckpointReader&&) noexcept;
  CheckpointReader& operator=(CheckpointReader&&) noexcept;
  ~CheckpointReader();

  const std::filesystem::path& directory() const;
  const Manifest& manifest() const;
  /// The resolved configuration that the checkpoint was trained with.
  const std::string& config() const;

  /// nullptr where there is none.
  const TensorEntry* find(const std::string& tensor, const std::string& kind) const;

  /// Writes the elements of `box` to `out`, dense, in C order; `out` has their bytes in the dtype of find(), the caller
  /// converts. Every stored block that is touched is read in full and compared with its digest.
  /// Throws Error(corrupt_checkpoint) that names file, tensor and block; Error(usage) for a tensor that is not there.
  /// Any number of threads may read.
  void read(const std::string& tensor, const std::string& kind, const Box& box, std::span<std::byte> out) const;

  /// Reads all blocks of all files and compares them; calls `progress` with the bytes read since the last call.
  /// Returns one line for each fault, none where all is well.
  std::vector<std::string> verify(const std::function<void(std::int64_t)>& progress) const;

 private:
  class State;
  explicit CheckpointReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace baleen::checkpoint
