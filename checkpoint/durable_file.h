#pragma once
// Files and directories that are on the disk when a call returns. Failures are Error(storage) with path and reason.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace baleen::checkpoint {

/// "cannot WHAT PATH: No space left on device", with what to do about that reason.
core::Error storage_error(const std::string& what, const std::filesystem::path& path, int error_number);
core::Error storage_error(const std::string& what, const std::filesystem::path& path, const std::string& reason);

/// A file descriptor that closes itself.
class FileDescriptor {
 public:
  /// Throws with "open PATH" where the system refuses.
  FileDescriptor(const std::filesystem::path& path, int flags);
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// Creates `path`, which must not exist, and syncs it (not its directory).
void write_file(const std::filesystem::path& path, std::string_view text);
std::string read_file(const std::filesystem::path& path);

/// Syncs a file, or the entries of a directory.
void sync(const std::filesystem::path& path);

/// Renames within one directory and syncs that. An existing file `to` is replaced.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// The directory `from` takes the name `to`, at which a directory may stand: that one then has the name `from`, in one
/// step where the file system can do it. Otherwise it takes the name `aside` just before.
/// Returns where the old directory went, an empty path where there was none.
std::filesystem::path replace_directory(const std::filesystem::path& from, const std::filesystem::path& to,
                                        const std::filesystem::path& aside);

}  // namespace baleen::checkpoint
