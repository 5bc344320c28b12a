#include "core/filesystem.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/file_descriptor.h"

namespace baleen::core {
namespace {

namespace fs = std::filesystem;

std::string next_action(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free some space, or name a folder on another disk";
    case EFBIG:
      return "files may not grow so large here: raise the limit (ulimit -f), or name a folder on another disk";
    case EACCES:
    case EPERM:
      return "change the permissions, or name another path";
    case EROFS:
      return "the file system is read-only: name another path";
    case ENOENT:
      return "check the path";
    case EISDIR:
      return "name a file, not a folder";
    case ENAMETOOLONG:
      return "the name is too long: choose a shorter one";
    case ENOTDIR:
      return "a part of the path is a file where a folder is needed: check the path";
    default:
      return "check the path and the disk";
  }
}

FileDescriptor try_open(const fs::path& path, int flags) {
  return FileDescriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666));
}

/// Writes the temporary and gives it the final name. Returns 0 or errno.
int replace_file(const fs::path& temporary, const fs::path& path, std::string_view content) {
  FileDescriptor file = try_open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.valid()) return errno;
  const bool done = write_all(file, content) && ::fsync(file.get()) == 0 && file.close() &&
                    ::rename(temporary.c_str(), path.c_str()) == 0;
  return done ? 0 : errno;
}

}  // namespace

Error storage_error(const std::string& action, const fs::path& path, int error_number) {
  return Error(ExitCode::storage, fmt::format("cannot {} {}: {}", action, path.string(), std::strerror(error_number)),
               next_action(error_number));
}

FileDescriptor open_file(const fs::path& path, int flags) {
  FileDescriptor file = try_open(path, flags);
  if (!file.valid()) throw storage_error("open", path, errno);
  return file;
}

bool write_all(const FileDescriptor& file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::string read_file(const fs::path& path) {
  const FileDescriptor file = try_open(path, O_RDONLY);
  if (!file.valid()) throw storage_error("read", path, errno);
  std::string content;
  char block[1 << 16];
  for (;;) {
    const ssize_t got = ::read(file.get(), block, sizeof(block));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw storage_error("read", path, errno);
    if (got == 0) return content;
    content.append(block, static_cast<std::size_t>(got));
  }
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  const fs::path temporary = path.string() + fmt::format(".{}.tmp", ::getpid());
  if (const int failed = replace_file(temporary, path, content)) {
    ::unlink(temporary.c_str());
    throw storage_error("write", path, failed);
  }
  sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

void make_folder(const fs::path& path) {
  std::error_code failed;
  fs::create_directories(path, failed);
  if (failed) throw storage_error("make the folder", path, failed.value());
}

void sync_folder(const fs::path& path) {
  const FileDescriptor folder = try_open(path, O_RDONLY | O_DIRECTORY);
  if (!folder.valid()) throw storage_error("open the folder", path, errno);
  // EINVAL: a file system that has nothing to sync for folders.
  if (::fsync(folder.get()) != 0 && errno != EINVAL) throw storage_error("sync the folder", path, errno);
}

std::filesystem::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (!variable("BALEEN_CACHE").empty()) return variable("BALEEN_CACHE");
  if (!variable("XDG_CACHE_HOME").empty()) return variable("XDG_CACHE_HOME") / "baleen";
  return variable("HOME").empty() ? std::filesystem::path() : variable("HOME") / ".cache" / "baleen";
}

}  // namespace baleen::core
