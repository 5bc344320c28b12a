#pragma once
// What a dataset file says of itself, without its tokens.

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/dtype.h"

namespace baleen::data {

/// One entry of a vocabulary.
using TokenId = std::int32_t;

struct DatasetInfo {
  std::filesystem::path path;
  std::string tokenizer;        // as make_tokenizer knows it
  std::int64_t vocab_size = 0;  // every token is below it
  TokenId end_of_text = 0;
  std::int64_t tokens = 0;
  std::int64_t documents = 0;
  core::DType dtype = core::DType::u16;  // u16 or u32
};

/// Opens the file, checks its structure (not the tokens), and closes it. Cheap at any size: for `baleen check`.
/// Throws Error(usage) that names the file, what was expected and what came; Error(storage) when the disk fails.
DatasetInfo read_dataset_info(const std::filesystem::path& path);

}  // namespace baleen::data
