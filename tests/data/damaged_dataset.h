#pragma once
// Datasets with one thing wrong, made from a good one by the HDF5 library itself.

#include <cstdint>
#include <filesystem>
#include <string>

namespace baleen::data {

/// An open dataset file whose parts can be replaced. Closed at the end of its life.
class DamagedDataset {
 public:
  /// Writes a good dataset of three documents, 9 tokens in all, to `path` and opens it.
  explicit DamagedDataset(const std::filesystem::path& path);
  ~DamagedDataset();
  DamagedDataset(const DamagedDataset&) = delete;
  DamagedDataset& operator=(const DamagedDataset&) = delete;

  void remove_attribute(const char* name);
  void set_integer(const char* name, std::int64_t value);
  void set_text(const char* name, const std::string& value);
  void set_float(const char* name, double value);

  enum class Type { u16, u16_big_endian, i16, f32, u64 };
  enum class Layout { contiguous, chunked, compressed, compact, external };
  /// Puts an empty-valued dataset [rows] in the place of `name`.
  void replace(const char* name, Type type, std::int64_t rows, Layout layout = Layout::contiguous);
  void remove(const char* name);
  /// `name` becomes a link to the dataset of the same name in `other`.
  void link_to(const char* name, const std::filesystem::path& other);

 private:
  std::int64_t file_;
};

/// Overwrites element `index` of document_offsets, or token `index`, of a closed good dataset, with or without making
/// the digest fit again.
void set_document_offset(const std::filesystem::path& path, std::int64_t index, std::uint64_t value, bool digest_fits);
void set_token(const std::filesystem::path& path, std::int64_t index, std::uint16_t value, bool digest_fits);

}  // namespace baleen::data
