#include "data/file_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace baleen::data {
namespace {

struct Remedy {
  core::ExitCode code;
  const char* next_action;
};

Remedy remedy(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return {core::ExitCode::usage, "check the path"};
    case EACCES:
    case EPERM:
      return {core::ExitCode::usage, "check its permissions and those of its folder"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {core::ExitCode::storage, "free space, raise the limit, or choose another folder"};
    case EROFS:
      return {core::ExitCode::storage, "choose a folder that can be written"};
    case EIO:
    case ESTALE:
      return {core::ExitCode::storage, "check the file system"};
    default:
      return {core::ExitCode::usage, "check the path"};
  }
}

}  // namespace

core::Error file_error(const std::string& action, const std::filesystem::path& path, int error_number) {
  const Remedy known = remedy(error_number);
  return {known.code,
          fmt::format("cannot {} {}: {}", action, path.string(), std::generic_category().message(error_number)),
          known.next_action};
}

}  // namespace baleen::data
