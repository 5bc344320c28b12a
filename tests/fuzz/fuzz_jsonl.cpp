// Text and JSONL input: pieces, UTF-8, JSON. Whatever the bytes are, the pieces are the input, and how it was cut
// decides nothing but where an error is found.

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/json_lines.h"
#include "data/text_pieces.h"
#include "data/tokenizer.h"
#include "data/utf8.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input_file.h"

namespace {

using baleen::core::Error;
using baleen::core::ExitCode;

void expect(bool holds) {
  if (!holds) std::abort();
}

/// The texts of the documents; nothing where the input is refused.
std::optional<std::vector<std::string>> texts_of(const InputFile& file, bool jsonl, std::int64_t piece_bytes,
                                                 const std::string& content) {
  const auto tokenizer = baleen::data::make_tokenizer("bytes");
  std::vector<std::string> texts;
  std::string joined;
  try {
    baleen::data::PieceReader reader(file.path(), *tokenizer, {jsonl, piece_bytes, 1 << 30});
    while (const auto piece = reader.next()) {
      expect(piece->first_byte == static_cast<std::int64_t>(joined.size()));
      joined += piece->text;
      if (baleen::data::first_utf8_error(piece->text)) return std::nullopt;
      if (jsonl) {
        baleen::data::for_each_json_text(*piece, "text", [&](const std::string& text) { texts.push_back(text); });
      }
    }
  } catch (const Error& error) {
    expect(error.code() == ExitCode::usage && !error.next_action().empty());
    return std::nullopt;
  }
  expect(joined == content);
  if (!jsonl) texts.push_back(joined);
  return texts;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(data, size);
  const std::string content(data, data + size);
  for (const bool jsonl : {false, true}) {
    const auto whole = texts_of(file, jsonl, 1 << 20, content);
    for (const std::int64_t piece_bytes : {1, 5, 64}) expect(texts_of(file, jsonl, piece_bytes, content) == whole);
  }
  baleen::data::Utf8Stream stream;
  std::string shown;
  for (const char byte : content) shown += stream.push({&byte, 1});
  shown += stream.finish();
  expect(!baleen::data::first_utf8_error(shown));
  expect(baleen::data::first_utf8_error(content) || shown == content);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {};
}
