#include "checkpoint/hdf5_file.h"

#include <hdf5.h>

#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/hdf5.h"

namespace baleen::checkpoint {
namespace {

constexpr hsize_t kPage = 4096;

[[noreturn]] void fail() {
  const core::Hdf5Reason reason = core::hdf5_reason();
  throw Hdf5Failure(reason.text, reason.error_number);
}

hid_t checked(hid_t id) {
  if (id < 0) fail();
  return id;
}

void check(herr_t status) {
  if (status < 0) fail();
}

/// What is opened here is there: its failure ends the work.
core::Hdf5Handle handle(hid_t id, core::Hdf5Handle::Close close) {
  return {checked(id), close};
}

/// A 16-bit float with `mantissa` bits and sign bit 15.
hid_t float16_type(std::size_t mantissa, std::size_t bias) {
  const hid_t type = checked(H5Tcopy(H5T_IEEE_F32LE));
  check(H5Tset_fields(type, 15, mantissa, 15 - mantissa, 0, mantissa));
  check(H5Tset_size(type, 2));
  check(H5Tset_ebias(type, bias));
  return type;
}

hid_t file_type(core::DType dtype) {
  switch (dtype) {
    case core::DType::f64:
      return H5Tcopy(H5T_IEEE_F64LE);
    case core::DType::f32:
      return H5Tcopy(H5T_IEEE_F32LE);
    case core::DType::bf16:
      return float16_type(7, 127);
    case core::DType::f16:
      return float16_type(10, 15);
    case core::DType::i64:
      return H5Tcopy(H5T_STD_I64LE);
    case core::DType::i32:
      return H5Tcopy(H5T_STD_I32LE);
    case core::DType::u32:
      return H5Tcopy(H5T_STD_U32LE);
    case core::DType::u16:
      return H5Tcopy(H5T_STD_U16LE);
    case core::DType::f8_e4m3:
    case core::DType::f8_e5m2:
    case core::DType::u8:
      return H5Tcopy(H5T_STD_U8LE);
  }
  throw core::Error(core::ExitCode::internal, "internal error: a dtype without an HDF5 type");
}

void write_text_attribute(hid_t dataset, const char* name, std::string_view text) {
  const core::Hdf5Handle type = handle(H5Tcopy(H5T_C_S1), H5Tclose);
  check(H5Tset_size(type, text.size()));
  check(H5Tset_strpad(type, H5T_STR_NULLPAD));
  const core::Hdf5Handle space = handle(H5Screate(H5S_SCALAR), H5Sclose);
  const core::Hdf5Handle attribute = handle(H5Acreate2(dataset, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  check(H5Awrite(attribute, type, text.data()));
}

void write_attribute(hid_t dataset, const char* name, const std::vector<std::int64_t>& values) {
  const hsize_t count = values.size();
  const core::Hdf5Handle space =
      handle(count == 0 ? H5Screate(H5S_NULL) : H5Screate_simple(1, &count, nullptr), H5Sclose);
  const core::Hdf5Handle attribute =
      handle(H5Acreate2(dataset, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  if (count != 0) check(H5Awrite(attribute, H5T_NATIVE_INT64, values.data()));
}

}  // namespace

Hdf5File Hdf5File::create(const std::filesystem::path& path) {
  const core::Hdf5Guard guard;
  const core::Hdf5Handle access = handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V110));  // metadata with checksums
  check(H5Pset_alignment(access, kPage, kPage));
  check(H5Pset_file_locking(access, false, true));  // names are private until the commit; NFS may not lock
  return Hdf5File(checked(H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access)));
}

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  const core::Hdf5Guard guard;
  const core::Hdf5Handle access = handle(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  check(H5Pset_file_locking(access, false, true));
  return Hdf5File(checked(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access)));
}

Hdf5File::Hdf5File(Hdf5File&& other) noexcept : id_(std::exchange(other.id_, -1)) {}

Hdf5File::~Hdf5File() {
  if (id_ < 0) return;
  const core::Hdf5Guard guard;
  H5Fclose(id_);
}

void Hdf5File::close() {
  const core::Hdf5Guard guard;
  check(H5Fclose(std::exchange(id_, -1)));
}

std::int64_t Hdf5File::write(const NewDataset& dataset, std::span<const std::byte> data) {
  const core::Hdf5Guard guard;
  const core::Hdf5Handle type = handle(file_type(dataset.dtype), H5Tclose);
  const std::vector<hsize_t> lengths(dataset.lengths.begin(), dataset.lengths.end());
  const core::Hdf5Handle space =
      handle(H5Screate_simple(static_cast<int>(lengths.size()), lengths.data(), nullptr), H5Sclose);
  const core::Hdf5Handle links = handle(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  check(H5Pset_create_intermediate_group(links, 1));
  const core::Hdf5Handle creation = handle(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  check(H5Pset_layout(creation, H5D_CONTIGUOUS));
  check(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER));  // all of it is written below
  const core::Hdf5Handle id =
      handle(H5Dcreate2(id_, dataset.path.c_str(), type, space, links, creation, H5P_DEFAULT), H5Dclose);
  write_text_attribute(id, "dtype", core::dtype_name(dataset.dtype));
  for (const auto& [name, values] : dataset.attributes) write_attribute(id, name.c_str(), values);
  check(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data()));
  const haddr_t offset = H5Dget_offset(id);
  if (offset == HADDR_UNDEF) fail();
  return static_cast<std::int64_t>(offset);
}

Hdf5File::Place Hdf5File::place_of(const std::string& dataset) const {
  const core::Hdf5Guard guard;
  const core::Hdf5Handle id = handle(H5Dopen2(id_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  const haddr_t offset = H5Dget_offset(id);  // undefined for chunked ones
  H5Eclear2(H5E_DEFAULT);
  Place place;
  if (offset != HADDR_UNDEF) place.offset = static_cast<std::int64_t>(offset);
  place.bytes = static_cast<std::int64_t>(H5Dget_storage_size(id));
  return place;
}

std::string Hdf5File::read_text(const std::string& dataset) const {
  const core::Hdf5Guard guard;
  const core::Hdf5Handle id = handle(H5Dopen2(id_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
  const core::Hdf5Handle space = handle(H5Dget_space(id), H5Sclose);
  const hssize_t length = H5Sget_simple_extent_npoints(space);
  if (length < 0) fail();
  if (static_cast<hsize_t>(length) != H5Dget_storage_size(id)) throw Hdf5Failure("'" + dataset + "' is no text");
  std::string text(static_cast<std::size_t>(length), '\0');
  check(H5Dread(id, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()));
  return text;
}

}  // namespace baleen::checkpoint
