#include "checkpoint/durable.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/file_descriptor.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

void sync_file(const fs::path& path) {
  const core::FileDescriptor file = core::open_file(path, O_RDONLY);
  if (::fsync(file.get()) != 0) throw core::storage_error("sync", path, errno);
}

void rename_durably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw core::storage_error("rename " + from.string() + " to", to, errno);
  core::sync_folder(to.parent_path());
}

fs::path replace_directory(const fs::path& from, const fs::path& to, const fs::path& aside) {
  std::error_code error;
  if (!fs::exists(to, error)) {
    rename_durably(from, to);
    return {};
  }
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    core::sync_folder(to.parent_path());
    return from;
  }
  if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) throw core::storage_error("replace", to, errno);
  rename_durably(to, aside);  // NFS and others do not exchange
  rename_durably(from, to);
  return aside;
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  if (error) throw core::storage_error("list", directory, error.value());
  return entries;
}

void remove_directory(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw core::storage_error("remove", path, error.value());
}

void take_away(const fs::path& path, const fs::path& aside) {
  rename_durably(path, aside);
  remove_directory(aside);
}

}  // namespace baleen::checkpoint
