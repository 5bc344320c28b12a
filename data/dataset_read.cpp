#include <fcntl.h>
#include <hdf5.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <string_view>

#include "core/digest.h"
#include "core/error.h"
#include "core/file_descriptor.h"
#include "core/hdf5.h"
#include "data/dataset_file.h"
#include "data/dataset_format.h"
#include "data/file_error.h"

namespace baleen::data {
namespace {

constexpr const char* kMakeOne = "make a dataset from text with `baleen data tokenize`";

core::Error wrong_file(const std::filesystem::path& path, const char* what) {
  return {core::ExitCode::usage, fmt::format("{} is {}; expected a dataset file", path.string(), what),
          std::string("name a dataset file, or ") + kMakeOne};
}

/// Size of a file that may be a dataset. What is not HDF5 with checksums in its metadata (superblock version 2 and
/// later, as we write it) never reaches the library, which does not withstand every damage of older files.
std::int64_t dataset_size(const std::filesystem::path& path) {
  const core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && errno == ENOENT) {
    throw core::Error(core::ExitCode::usage, fmt::format("there is no dataset {}", path.string()),
                      std::string("check the path, or ") + kMakeOne);
  }
  if (file.get() < 0) throw file_error("open", path, errno);
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) throw file_error("inspect", path, errno);
  if (S_ISDIR(status.st_mode)) throw wrong_file(path, "a folder");
  if (!S_ISREG(status.st_mode)) throw wrong_file(path, "no regular file");
  if (status.st_size == 0) throw wrong_file(path, "empty (0 bytes)");

  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::array<char, 9> head = {};
  if (::pread(file.get(), head.data(), head.size(), 0) < 0) throw file_error("read", path, errno);
  if (std::string_view(head.data(), kSignature.size()) != kSignature) throw wrong_file(path, "not an HDF5 file");
  if (head[kSignature.size()] < 2) throw wrong_file(path, "an HDF5 file, but not one of Baleen's");
  return status.st_size;
}

/// An open dataset file whose parts are asked for by name.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path)
      : path_(path), file_bytes_(dataset_size(path)), file_(open_file()) {
    if (!has_attribute(kFormatAttribute) || text(kFormatAttribute) != kFormatName) {
      throw wrong_file(path, "an HDF5 file, but not one of Baleen's");
    }
    if (const std::int64_t version = integer(kVersionAttribute); version != kFormatVersion) {
      throw core::Error(core::ExitCode::usage,
                        fmt::format("{} has format version {}; this Baleen reads version {}", path_.string(), version,
                                    kFormatVersion),
                        "use the Baleen that wrote it, or make the dataset again with `baleen data tokenize`");
    }
  }

  std::int64_t integer(const char* name) const {
    const core::Hdf5Handle attribute = open_attribute(name);
    const core::Hdf5Handle type(H5Aget_type(attribute), H5Tclose);
    if (!type.valid() || H5Tget_class(type) != H5T_INTEGER) throw broken(name, "the attribute", "an integer");
    std::int64_t value = 0;
    if (H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) throw unreadable();
    return value;
  }

  std::string text(const char* name) const {
    constexpr std::size_t kLongest = 256;
    const core::Hdf5Handle attribute = open_attribute(name);
    const core::Hdf5Handle type(H5Aget_type(attribute), H5Tclose);
    if (!type.valid() || H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 ||
        H5Tget_size(type) > kLongest) {
      throw broken(name, "the attribute", "a short string of fixed length");
    }
    std::string value(H5Tget_size(type), '\0');
    if (H5Aread(attribute, type, value.data()) < 0) throw unreadable();
    return value.substr(0, value.find('\0'));
  }

  struct Part {
    Extent extent;
    hsize_t rows;
    int element_bytes;
    bool digests_fit;  // [rows, 16] rather than [rows]
  };

  /// A contiguous dataset of unsigned little-endian integers of one of two sizes, inside the file and aligned.
  Part part(const char* name, int element_bytes, int or_bytes) const {
    H5L_info_t link = {};
    // A link to elsewhere would read another file than the one that was named.
    if (H5Lexists(file_, name, H5P_DEFAULT) <= 0 || H5Lget_info(file_, name, &link, H5P_DEFAULT) < 0 ||
        link.type != H5L_TYPE_HARD) {
      throw broken(name, "the dataset", "there");
    }
    const core::Hdf5Handle dataset(H5Dopen2(file_, name, H5P_DEFAULT), H5Dclose);
    if (!dataset.valid()) throw unreadable();
    Part result = {{}, 0, integer_bytes(dataset), false};
    if (result.element_bytes != element_bytes && result.element_bytes != or_bytes) {
      throw broken(name, "the dataset", fmt::format("of little-endian {}", type_names(element_bytes, or_bytes)));
    }
    const core::Hdf5Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    if (!properties.valid() || H5Pget_layout(properties) != H5D_CONTIGUOUS || H5Pget_external_count(properties) != 0) {
      throw broken(name, "the dataset", "contiguous (neither chunked, compressed, compact nor external)");
    }
    const core::Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    const int rank = space.valid() ? H5Sget_simple_extent_ndims(space) : -1;
    hsize_t shape[2] = {0, 1};
    if ((rank != 1 && rank != 2) || H5Sget_simple_extent_dims(space, shape, nullptr) < 0) {
      throw broken(name, "the dataset", "of one or two dimensions");
    }
    result.rows = shape[0];
    result.digests_fit = rank == 2 && shape[1] == sizeof(core::Digest);
    place(name, H5Dget_offset(dataset), rank == 1 ? 1 : shape[1], result);
    return result;
  }

  core::Error broken(const char* name, const std::string& what, const std::string& expected) const {
    return {core::ExitCode::usage,
            fmt::format("{} is not a valid dataset: {} \"{}\" is not {}", path_.string(), what, name, expected),
            kMakeAgain};
  }

 private:
  core::Hdf5Handle open_file() const {
    const core::Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    // Datasets never change in place, and some network file systems refuse locks.
    if (!access.valid() || H5Pset_file_locking(access, false, true) < 0) throw unreadable();
    core::Hdf5Handle file(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
    if (!file.valid()) throw unreadable();
    return file;
  }

  bool has_attribute(const char* name) const {
    const htri_t found = H5Aexists(file_, name);
    if (found < 0) throw unreadable();
    return found > 0;
  }

  core::Hdf5Handle open_attribute(const char* name) const {
    if (!has_attribute(name)) throw broken(name, "the attribute", "there");
    core::Hdf5Handle attribute(H5Aopen(file_, name, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) throw unreadable();
    const core::Hdf5Handle space(H5Aget_space(attribute), H5Sclose);
    if (!space.valid() || H5Sget_simple_extent_npoints(space) != 1)
      throw broken(name, "the attribute", "a single value");
    return attribute;
  }

  /// 0 when the elements are anything else than unsigned little-endian integers.
  static int integer_bytes(const core::Hdf5Handle& dataset) {
    const core::Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
    if (!type.valid()) return 0;
    for (const std::int64_t known : {H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE}) {
      if (H5Tequal(type, known) > 0) return static_cast<int>(H5Tget_size(known));
    }
    return 0;
  }

  static std::string type_names(int bytes, int or_bytes) {
    const std::string first = fmt::format("uint{}", 8 * bytes);
    return bytes == or_bytes ? first : fmt::format("{} or uint{}", first, 8 * or_bytes);
  }

  void place(const char* name, haddr_t address, hsize_t columns, Part& part) const {
    const auto file_bytes = static_cast<hsize_t>(file_bytes_);
    const auto element = static_cast<hsize_t>(part.element_bytes);
    if (part.rows == 0 || columns == 0) throw broken(name, "the dataset", "filled: it is empty");
    if (address == HADDR_UNDEF || address >= file_bytes || columns > file_bytes / element ||
        part.rows > (file_bytes - address) / (element * columns)) {
      throw broken(name, "the dataset", "inside the file, which is too short for it");
    }
    if (address % element != 0) throw broken(name, "the dataset", "aligned to its element size");
    part.extent = {static_cast<std::int64_t>(address), static_cast<std::int64_t>(part.rows * columns * element)};
  }

  core::Error unreadable() const {
    const core::Hdf5Reason reason = core::hdf5_reason();
    if (reason.error_number != 0) return file_error("read", path_, reason.error_number);
    return {core::ExitCode::usage,
            fmt::format("{} is truncated or damaged: HDF5 says \"{}\"", path_.string(), reason.text), kMakeAgain};
  }

  std::filesystem::path path_;
  std::int64_t file_bytes_;
  core::Hdf5Handle file_;
};

void check(bool holds, const Reader& reader, const char* name, const std::string& expected) {
  if (!holds) throw reader.broken(name, "the attribute", expected);
}

DatasetInfo read_info(const Reader& reader, const std::filesystem::path& path) {
  DatasetInfo info;
  info.path = path;
  info.tokenizer = reader.text(kTokenizerAttribute);
  info.vocab_size = reader.integer(kVocabularyAttribute);
  const std::int64_t end_of_text = reader.integer(kEndOfTextAttribute);
  info.tokens = reader.integer(kTokenCountAttribute);
  info.documents = reader.integer(kDocumentCountAttribute);
  check(info.vocab_size >= 1 && info.vocab_size <= std::numeric_limits<TokenId>::max(), reader, kVocabularyAttribute,
        "in 1 to 2147483647");
  check(end_of_text >= 0 && end_of_text < info.vocab_size, reader, kEndOfTextAttribute, "below the vocabulary size");
  info.end_of_text = static_cast<TokenId>(end_of_text);
  check(reader.text(kDigestAttribute) == kDigestAlgorithm, reader, kDigestAttribute, kDigestAlgorithm);
  check(reader.integer(kDigestBlockAttribute) == kDigestBlockBytes, reader, kDigestBlockAttribute,
        std::to_string(kDigestBlockBytes));
  return info;
}

}  // namespace

std::int64_t digest_count(const Extent& extent) {
  return (extent.bytes + kDigestBlockBytes - 1) / kDigestBlockBytes;
}

DatasetLayout read_layout(const std::filesystem::path& path) {
  const core::Hdf5Guard guard;
  const Reader reader(path);
  DatasetLayout layout;
  layout.info = read_info(reader, path);
  const auto agree = [](hsize_t rows, std::int64_t expected) { return rows == static_cast<hsize_t>(expected); };

  const Reader::Part tokens = reader.part(kTokens, 2, 4);
  layout.tokens = tokens.extent;
  layout.info.dtype = tokens.element_bytes == 2 ? core::DType::u16 : core::DType::u32;
  check(agree(tokens.rows, layout.info.tokens), reader, kTokenCountAttribute,
        fmt::format("the length of \"tokens\", {}", tokens.rows));

  const Reader::Part offsets = reader.part(kDocumentOffsets, 8, 8);
  layout.document_offsets = offsets.extent;
  check(offsets.rows >= 2 && agree(offsets.rows - 1, layout.info.documents), reader, kDocumentCountAttribute,
        fmt::format("one less than the length of \"document_offsets\", {}", offsets.rows));

  const auto digests = [&](const char* name, const Extent& of) {
    const Reader::Part part = reader.part(name, 1, 1);
    if (!part.digests_fit || !agree(part.rows, digest_count(of))) {
      throw reader.broken(name, "the dataset", fmt::format("of {} x 16 bytes", digest_count(of)));
    }
    return part.extent;
  };
  layout.digests = digests(kDigests, layout.tokens);
  layout.document_offsets_digests = digests(kDocumentOffsetsDigests, layout.document_offsets);
  return layout;
}

DatasetInfo read_dataset_info(const std::filesystem::path& path) {
  return read_layout(path).info;
}

}  // namespace baleen::data
