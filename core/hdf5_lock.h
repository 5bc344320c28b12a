#pragma once
// The serial HDF5 library is not thread-safe. Whoever calls it, in any folder, holds this lock.

#include <mutex>

namespace baleen::core {

inline std::mutex& hdf5_mutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace baleen::core
