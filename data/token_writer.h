#pragma once
// Writes a dataset file (data/token_dataset.h) of unknown final length in bounded memory: tokens go to an unnamed spill
// file beside the output, commit() assembles OUTPUT.partial from it, syncs it and renames it. Until then nothing stands
// under the final name, also after kill -9.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "data/dataset_info.h"

namespace baleen::data {

struct WriterOptions {
  std::string tokenizer;
  std::int64_t vocab_size = 0;  // up to 65536: uint16, above: uint32
  TokenId end_of_text = 0;
  bool overwrite = false;  // replace an existing output; it stays whole until commit()
};

/// One thread. Methods throw Error(usage) for an output that may not be written (exists, no such folder, a folder),
/// Error(busy) while another process writes it, Error(storage) when the disk is full or fails.
class TokenWriter {
 public:
  TokenWriter(std::filesystem::path output, WriterOptions options);
  /// Without commit(): removes what was written.
  ~TokenWriter();
  TokenWriter(const TokenWriter&) = delete;
  TokenWriter& operator=(const TokenWriter&) = delete;

  /// Appends to the open document. Each token must be in [0, vocab_size).
  void append(std::span<const TokenId> tokens);

  /// Appends end_of_text and closes the open document.
  void end_document();

  std::int64_t tokens() const;     // so far, with end-of-text
  std::int64_t documents() const;  // closed so far

  /// Puts the finished file under its name, durably. No document may be open, at least one closed.
  DatasetInfo commit();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace baleen::data
