#pragma once
// What datasets and checkpoints share of HDF5: the lock, handles that close themselves, and the library's reasons as
// text. The serial library is not thread-safe, so whoever calls it, in any folder, holds an Hdf5Guard. Its own header
// stays in the sources.

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace baleen::core {

/// An HDF5 id with the function that closes it; invalid when negative, as the library returns it.
class Hdf5Handle {
 public:
  using Close = int (*)(std::int64_t);
  Hdf5Handle(std::int64_t id, Close close_function) : id_(id), close_(close_function) {}
  ~Hdf5Handle() {
    if (valid()) close_(id_);
  }
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;

  bool valid() const { return id_ >= 0; }
  operator std::int64_t() const { return id_; }  // NOLINT(google-explicit-constructor): stands for what it owns
  /// Closes now; false when that fails, which for a file means that not everything was written.
  bool close() { return close_(std::exchange(id_, -1)) >= 0; }

 private:
  std::int64_t id_;
  Close close_;
};

/// While it lives, the library is this thread's alone and prints nothing: its errors become ours.
class Hdf5Guard {
 public:
  Hdf5Guard();
  ~Hdf5Guard();
  Hdf5Guard(const Hdf5Guard&) = delete;
  Hdf5Guard& operator=(const Hdf5Guard&) = delete;

 private:
  std::lock_guard<std::mutex> lock_;
  int (*print_)(std::int64_t, void*) = nullptr;
  void* print_data_ = nullptr;
};

/// Why the library's latest call failed. To be asked for before any other call, also one that closes a handle: each
/// begins by forgetting.
struct Hdf5Reason {
  std::string text;      // of the system call that failed, else the library's innermost message
  int error_number = 0;  // errno of that; 0 where it was none
};
Hdf5Reason hdf5_reason();

}  // namespace baleen::core
