#pragma once
// A file descriptor that closes itself.

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <utility>

namespace baleen::core {

class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  bool valid() const { return number_ >= 0; }
  int get() const { return number_; }
  /// Closes now; false when that fails: some network file systems report a failed write only here.
  bool close() { return !valid() || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

/// With O_CLOEXEC; what is created may be read and written by all whom the umask lets. Throws Error(storage).
FileDescriptor open_file(const std::filesystem::path& path, int flags);

/// All of it, in as many pieces as the system takes. False, with errno, where it takes no more.
bool write_all(const FileDescriptor& file, std::string_view content);

}  // namespace baleen::core
