#pragma once
// From text files to a dataset: in pieces, on several threads, in the order of the input, in bounded memory.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/dataset_info.h"
#include "data/tokenizer.h"

namespace baleen::data {

enum class TextFormat {
  automatic,  // by the name: .jsonl and .ndjson are jsonl, everything else text
  text,       // one document a file
  jsonl,      // one JSON object a line, the document under text_key; blank lines are skipped
};

struct TokenizeOptions {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path output;
  TextFormat format = TextFormat::automatic;
  std::string text_key = "text";
  int threads = 4;  // that encode; reading and writing stay on the caller's
  bool overwrite = false;
  std::int64_t piece_bytes = std::int64_t{4} << 20;       // one a thread is in memory, and what it becomes
  std::int64_t max_line_bytes = std::int64_t{256} << 20;  // of JSONL
};

struct TokenizeResult {
  DatasetInfo dataset;
  std::int64_t input_bytes = 0;
  std::int64_t empty_documents = 0;  // empty JSONL texts: left out
};

/// Bytes of all inputs; a pipe counts nothing. Throws Error(usage) for a missing, empty or unsuitable one.
std::int64_t total_input_bytes(const TokenizeOptions& options);

/// Called on the caller's thread when `bytes` more of the input are done.
using ProgressFunction = std::function<void(std::int64_t bytes)>;

/// Throws Error(usage) that names file and line or byte for input that is not as the format says; then nothing is
/// written. Throws what TokenWriter throws.
TokenizeResult tokenize_files(const Tokenizer& tokenizer, const TokenizeOptions& options,
                              const ProgressFunction& progress);

}  // namespace baleen::data
