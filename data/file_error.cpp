#include "data/file_error.h"

#include <cerrno>

#include "core/filesystem.h"

namespace baleen::data {

core::Error file_error(const std::string& action, const std::filesystem::path& path, int error_number) {
  const core::Error error = core::storage_error(action, path, error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case ENXIO:
      return {core::ExitCode::usage, error.what(), error.next_action()};
    default:
      return error;
  }
}

}  // namespace baleen::data
