#include <hdf5.h>

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/error.h"
#include "core/hdf5.h"
#include "data/dataset_file.h"
#include "data/dataset_format.h"
#include "data/file_error.h"

namespace baleen::data {
namespace {

/// Every part starts on a cache line, so that mapped elements are aligned.
constexpr hsize_t kAlignment = 64;

class Creator {
 public:
  explicit Creator(const std::filesystem::path& path) : path_(path), file_(create_file()) {}

  void write_text(const char* name, const std::string& value) {
    const core::Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    check(type);
    check(H5Tset_size(type, value.empty() ? 1 : value.size()));
    check(H5Tset_cset(type, H5T_CSET_UTF8));
    check(H5Tset_strpad(type, H5T_STR_NULLPAD));
    write_attribute(name, type, type, value.c_str());
  }

  void write_integer(const char* name, std::int64_t value) {
    write_attribute(name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
  }

  Extent allocate(const char* name, std::int64_t type, std::initializer_list<hsize_t> shape) {
    const core::Hdf5Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.begin(), nullptr), H5Sclose);
    const core::Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    check(space);
    check(properties);
    check(H5Pset_layout(properties, H5D_CONTIGUOUS));
    check(H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY));
    check(H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER));
    const core::Hdf5Handle dataset(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT),
                                   H5Dclose);
    check(dataset);
    const haddr_t address = H5Dget_offset(dataset);
    core::require(address != HADDR_UNDEF, "HDF5 allocates contiguous datasets when they are created");
    return {static_cast<std::int64_t>(address), static_cast<std::int64_t>(H5Dget_storage_size(dataset))};
  }

  void close() { check(file_.close() ? 0 : -1); }

 private:
  core::Hdf5Handle create_file() const {
    const core::Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    check(access);
    // Format 1.8: every piece of metadata carries a checksum, and every reader of today knows it. The writer's own lock
    // stands for HDF5's, which some network file systems refuse.
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18));
    check(H5Pset_alignment(access, 1, kAlignment));
    check(H5Pset_file_locking(access, false, true));
    core::Hdf5Handle file(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
    check(file);
    return file;
  }

  void write_attribute(const char* name, std::int64_t file_type, std::int64_t memory_type, const void* value) {
    const core::Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    check(space);
    const core::Hdf5Handle attribute(H5Acreate2(file_, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    check(attribute);
    check(H5Awrite(attribute, memory_type, value));
  }

  void check(std::int64_t status) const {
    if (status >= 0) return;
    const core::Hdf5Reason reason = core::hdf5_reason();
    if (reason.error_number != 0) throw file_error("write", path_, reason.error_number);
    throw core::Error(core::ExitCode::storage,
                      fmt::format("cannot write {}: HDF5 says \"{}\"", path_.string(), reason.text),
                      "check that its folder has space and can be written");
  }

  std::filesystem::path path_;
  core::Hdf5Handle file_;
};

}  // namespace

DatasetLayout create_layout(const std::filesystem::path& path, const DatasetInfo& info) {
  const core::Hdf5Guard guard;
  Creator creator(path);
  creator.write_text(kFormatAttribute, kFormatName);
  creator.write_integer(kVersionAttribute, kFormatVersion);
  creator.write_text(kTokenizerAttribute, info.tokenizer);
  creator.write_integer(kVocabularyAttribute, info.vocab_size);
  creator.write_integer(kEndOfTextAttribute, info.end_of_text);
  creator.write_integer(kTokenCountAttribute, info.tokens);
  creator.write_integer(kDocumentCountAttribute, info.documents);
  creator.write_text(kDigestAttribute, kDigestAlgorithm);
  creator.write_integer(kDigestBlockAttribute, kDigestBlockBytes);

  const auto digest_shape = [](const Extent& of) { return static_cast<hsize_t>(digest_count(of)); };
  DatasetLayout layout;
  layout.info = info;
  layout.document_offsets =
      creator.allocate(kDocumentOffsets, H5T_STD_U64LE, {static_cast<hsize_t>(info.documents) + 1});
  layout.document_offsets_digests = creator.allocate(kDocumentOffsetsDigests, H5T_STD_U8LE,
                                                     {digest_shape(layout.document_offsets), sizeof(core::Digest)});
  layout.tokens = creator.allocate(kTokens, info.dtype == core::DType::u16 ? H5T_STD_U16LE : H5T_STD_U32LE,
                                   {static_cast<hsize_t>(info.tokens)});
  layout.digests = creator.allocate(kDigests, H5T_STD_U8LE, {digest_shape(layout.tokens), sizeof(core::Digest)});
  creator.close();
  return layout;
}

}  // namespace baleen::data
