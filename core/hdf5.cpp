#include "core/hdf5.h"

#include <hdf5.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace baleen::core {
namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Hdf5Guard::Hdf5Guard() : lock_(library_mutex()) {
  // At the end of a process that met a damaged file, the library would report ids that it lost itself.
  [[maybe_unused]] static const bool silent_at_exit = H5dont_atexit() >= 0;
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Guard::~Hdf5Guard() {
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

Hdf5Reason hdf5_reason() {
  constexpr std::string_view kErrnoMark = "errno = ";  // the driver writes that of a failed system call
  std::string reason;
  const auto keep_first = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && error->desc != nullptr) text = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  H5Eclear2(H5E_DEFAULT);
  if (const std::size_t at = reason.find(kErrnoMark); at != std::string::npos) {
    const int error_number = std::atoi(reason.c_str() + at + kErrnoMark.size());
    return {std::strerror(error_number), error_number};
  }
  return {reason.empty() ? "no reason given" : reason};
}

}  // namespace baleen::core
