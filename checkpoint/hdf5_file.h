#pragma once
// The little of HDF5 that a rank file needs: contiguous datasets, written once, with checksummed metadata. Every method
// takes a core::Hdf5Guard; failures are Hdf5Failure with the library's innermost reason, never its printed stack.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace baleen::checkpoint {

/// what(): the innermost reason, "file signature not found", "object 'table' doesn't exist".
class Hdf5Failure : public std::runtime_error {
 public:
  explicit Hdf5Failure(const std::string& reason, int error_number = 0)
      : std::runtime_error(reason), error_number_(error_number) {}
  /// errno of the system call that failed; 0 where it was none.
  int error_number() const { return error_number_; }

 private:
  int error_number_;
};

class Hdf5File {
 public:
  /// The file must not exist. Datasets of a page or more start on a page.
  static Hdf5File create(const std::filesystem::path& path);
  static Hdf5File open(const std::filesystem::path& path);
  Hdf5File(Hdf5File&& other) noexcept;
  Hdf5File& operator=(Hdf5File&&) = delete;
  ~Hdf5File();

  struct NewDataset {
    std::string path;  // groups on the way are made
    core::DType dtype = core::DType::u8;
    std::vector<std::int64_t> lengths;
    /// Attributes: "dtype" (text) and these.
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> attributes;
  };
  /// Writes all of a new dataset; returns where its bytes begin in the file.
  std::int64_t write(const NewDataset& dataset, std::span<const std::byte> data);

  struct Place {
    std::int64_t offset = -1;  // -1: not contiguous
    std::int64_t bytes = 0;
  };
  Place place_of(const std::string& dataset) const;
  /// The bytes of a dataset as text.
  std::string read_text(const std::string& dataset) const;

  /// Writes what the library still holds. Once; the destructor does the same but cannot report.
  void close();

 private:
  explicit Hdf5File(std::int64_t id) : id_(id) {}
  std::int64_t id_;
};

}  // namespace baleen::checkpoint
