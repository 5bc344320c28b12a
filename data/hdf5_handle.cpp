#include "data/hdf5_handle.h"

#include <hdf5.h>

#include "core/hdf5_lock.h"

namespace baleen::data {

Hdf5Guard::Hdf5Guard() : lock_(core::hdf5_mutex()) {
  // At the end of a process that met a damaged file, the library would report ids that it lost itself.
  [[maybe_unused]] static const bool silent_at_exit = H5dont_atexit() >= 0;
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Guard::~Hdf5Guard() {
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

std::string hdf5_reason() {
  std::string reason;
  const auto keep_first = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && error->desc != nullptr) text = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  return reason.empty() ? "no reason given" : reason;
}

}  // namespace baleen::data
