#include "checkpoint/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

std::string remedy(const std::string& reason) {
  if (reason == std::strerror(ENOSPC) || reason == std::strerror(EDQUOT))
    return "free space or raise the quota there, or lower checkpoint.keep; earlier checkpoints are untouched";
  if (reason == std::strerror(EACCES) || reason == std::strerror(EPERM) || reason == std::strerror(EROFS))
    return "make it writable for this user, or choose another --run-dir";
  return "check the file system; earlier checkpoints are untouched";
}

}  // namespace

core::Error storage_error(const std::string& what, const fs::path& path, const std::string& reason) {
  return {core::ExitCode::storage, fmt::format("cannot {} {}: {}", what, path.string(), reason), remedy(reason)};
}

core::Error storage_error(const std::string& what, const fs::path& path, int error_number) {
  return storage_error(what, path, std::string(std::strerror(error_number)));
}

FileDescriptor::FileDescriptor(const fs::path& path, int flags)
    : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0) throw storage_error("open", path, errno);
}

FileDescriptor::~FileDescriptor() {
  ::close(descriptor_);
}

void write_file(const fs::path& path, std::string_view text) {
  const FileDescriptor file(path, O_WRONLY | O_CREAT | O_EXCL);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw storage_error("write", path, errno);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0) throw storage_error("sync", path, errno);
}

std::string read_file(const fs::path& path) {
  const FileDescriptor file(path, O_RDONLY);
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw storage_error("read", path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void sync(const fs::path& path) {
  const FileDescriptor file(path, O_RDONLY);
  if (::fsync(file.get()) != 0) throw storage_error("sync", path, errno);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw storage_error("rename " + from.string() + " to", to, errno);
  sync(to.parent_path());
}

fs::path replace_directory(const fs::path& from, const fs::path& to, const fs::path& aside) {
  if (!fs::exists(to)) {
    rename_durably(from, to);
    return {};
  }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    sync(to.parent_path());
    return from;
  }
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) throw storage_error("replace", to, errno);
  rename_durably(to, aside);  // NFS and others do not exchange
  rename_durably(from, to);
  return aside;
}

}  // namespace baleen::checkpoint
