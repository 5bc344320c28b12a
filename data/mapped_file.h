#pragma once
// A file as memory, read-only. Where it is cut short, or its disk fails, under the mapping, the kernel answers the next
// touch with SIGBUS: for the files mapped here that becomes one message and the exit code for storage.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace baleen::data {

class MappedFile {
 public:
  /// The whole file as it is now. Throws as file_error() does.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

  /// In a signal handler: where `address` lies in this file, says what happened to it and ends the process.
  void end_if_at(const void* address) const;

 private:
  std::string path_;
  std::span<const std::byte> bytes_;
  std::string cut_, failed_;  // messages made beforehand: a signal handler allocates nothing
};

}  // namespace baleen::data
