#include "tests/data/damaged_dataset.h"

#include <hdf5.h>

#include <fstream>
#include <stdexcept>
#include <vector>

#include "core/digest.h"
#include "data/dataset_file.h"
#include "tests/data/fixture.h"

namespace baleen::data {
namespace {

hid_t made(hid_t id) {
  if (id < 0) throw std::runtime_error("HDF5 failed while a test file was made");
  return id;
}

void write_attribute(hid_t file, const char* name, hid_t type, const void* value) {
  if (H5Aexists(file, name) > 0) made(H5Adelete(file, name));
  const hid_t space = made(H5Screate(H5S_SCALAR));
  const hid_t attribute = made(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
  made(H5Awrite(attribute, type, value));
  H5Aclose(attribute);
  H5Sclose(space);
}

hid_t type_of(DamagedDataset::Type type) {
  switch (type) {
    case DamagedDataset::Type::u16:
      return H5T_STD_U16LE;
    case DamagedDataset::Type::u16_big_endian:
      return H5T_STD_U16BE;
    case DamagedDataset::Type::i16:
      return H5T_STD_I16LE;
    case DamagedDataset::Type::f32:
      return H5T_IEEE_F32LE;
    case DamagedDataset::Type::u64:
      return H5T_STD_U64LE;
  }
  throw std::runtime_error("no such type");
}

void set_layout(hid_t properties, DamagedDataset::Layout layout, hsize_t rows) {
  using Layout = DamagedDataset::Layout;
  if (layout == Layout::contiguous) H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  if (layout == Layout::chunked || layout == Layout::compressed) H5Pset_chunk(properties, 1, &rows);
  if (layout == Layout::compressed) H5Pset_deflate(properties, 1);
  if (layout == Layout::compact) H5Pset_layout(properties, H5D_COMPACT);
  if (layout == Layout::external) H5Pset_external(properties, "/etc/passwd", 0, H5F_UNLIMITED);
}

/// Replaces bytes of `part` and, when asked, its one digest.
void patch(const std::filesystem::path& path, const Extent& part, const Extent& digests, std::int64_t at,
           std::span<const std::byte> bytes, bool digest_fits) {
  std::string content = read_file(path);
  const auto put = [&](std::int64_t address, std::span<const std::byte> source) {
    content.replace(static_cast<std::size_t>(address), source.size(), reinterpret_cast<const char*>(source.data()),
                    source.size());
  };
  put(part.address + at, bytes);
  if (digest_fits) {
    const auto all = std::as_bytes(std::span(content)).subspan(static_cast<std::size_t>(part.address));
    const core::Digest digest = core::digest_of(all.first(static_cast<std::size_t>(part.bytes)));
    put(digests.address, std::as_bytes(std::span(digest.bytes)));
  }
  write_file(path, content);
}

}  // namespace

DamagedDataset::DamagedDataset(const std::filesystem::path& path) {
  write_dataset(path, {{1, 2, 3}, {4}, {5, 6}});
  file_ = made(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
}

DamagedDataset::~DamagedDataset() {
  H5Fclose(file_);
}

void DamagedDataset::remove_attribute(const char* name) {
  made(H5Adelete(file_, name));
}

void DamagedDataset::set_integer(const char* name, std::int64_t value) {
  write_attribute(file_, name, H5T_NATIVE_INT64, &value);
}

void DamagedDataset::set_float(const char* name, double value) {
  write_attribute(file_, name, H5T_NATIVE_DOUBLE, &value);
}

void DamagedDataset::set_text(const char* name, const std::string& value) {
  const hid_t type = made(H5Tcopy(H5T_C_S1));
  made(H5Tset_size(type, value.size()));
  write_attribute(file_, name, type, value.c_str());
  H5Tclose(type);
}

void DamagedDataset::replace(const char* name, Type type, std::int64_t rows, Layout layout) {
  remove(name);
  const auto shape = static_cast<hsize_t>(rows);
  const hid_t properties = made(H5Pcreate(H5P_DATASET_CREATE));
  set_layout(properties, layout, shape);
  const hid_t space = made(H5Screate_simple(1, &shape, nullptr));
  H5Dclose(made(H5Dcreate2(file_, name, type_of(type), space, H5P_DEFAULT, properties, H5P_DEFAULT)));
  H5Sclose(space);
  H5Pclose(properties);
}

void DamagedDataset::remove(const char* name) {
  made(H5Ldelete(file_, name, H5P_DEFAULT));
}

void DamagedDataset::link_to(const char* name, const std::filesystem::path& other) {
  remove(name);
  made(H5Lcreate_external(other.c_str(), name, file_, name, H5P_DEFAULT, H5P_DEFAULT));
}

void set_document_offset(const std::filesystem::path& path, std::int64_t index, std::uint64_t value, bool digest_fits) {
  const DatasetLayout layout = read_layout(path);
  patch(path, layout.document_offsets, layout.document_offsets_digests, index * 8, std::as_bytes(std::span(&value, 1)),
        digest_fits);
}

void set_token(const std::filesystem::path& path, std::int64_t index, std::uint16_t value, bool digest_fits) {
  const DatasetLayout layout = read_layout(path);
  patch(path, layout.tokens, layout.digests, index * 2, std::as_bytes(std::span(&value, 1)), digest_fits);
}

}  // namespace baleen::data
