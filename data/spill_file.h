#pragma once
// An unnamed temporary file that is appended to, then copied into place. It has no name from the start, so the system
// removes it however the process ends.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/file_descriptor.h"

namespace baleen::data {

/// Writes all of `bytes` at `address`. Throws file_error; `name` is for its message.
void write_at(int file, std::int64_t address, std::span<const std::byte> bytes, const std::filesystem::path& name);

class SpillFile {
 public:
  /// In `folder`, which must exist. Throws file_error, as do the others.
  explicit SpillFile(const std::filesystem::path& folder);

  void append(std::span<const std::byte> bytes);
  std::int64_t size() const { return written_ + static_cast<std::int64_t>(buffer_.size()); }

  /// Writes everything to `file` at `address` and gives a digest for every block of kDigestBlockBytes.
  std::vector<core::Digest> copy_to(int file, std::int64_t address, const std::filesystem::path& name);

 private:
  void flush();

  std::filesystem::path folder_;
  core::FileDescriptor file_;
  std::vector<std::byte> buffer_;
  std::int64_t written_ = 0;
};

}  // namespace baleen::data
