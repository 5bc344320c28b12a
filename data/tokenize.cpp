#include "data/tokenize.h"

#include <fmt/format.h>

#include <deque>
#include <future>
#include <system_error>

#include "core/error.h"
#include "data/json_lines.h"
#include "data/text_pieces.h"
#include "data/token_writer.h"
#include "data/utf8.h"

namespace baleen::data {
namespace {

/// The tokens of one piece.
struct Encoded {
  std::vector<TokenId> tokens;
  std::vector<std::size_t> document_ends;  // in tokens; what follows the last belongs to an open document
  std::int64_t input_bytes = 0;
  std::int64_t empty_documents = 0;
};

Encoded encode(const Tokenizer& tokenizer, const TextPiece& piece, const std::string& text_key) {
  if (const auto error = first_utf8_error(piece.text)) {
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{}: not valid UTF-8 at byte {}", piece.file.string(),
                                  piece.first_byte + static_cast<std::int64_t>(*error)),
                      "convert the file to UTF-8 (iconv), or unpack it if it is compressed");
  }
  Encoded encoded;
  encoded.input_bytes = static_cast<std::int64_t>(piece.text.size());
  if (!piece.jsonl) {
    tokenizer.encode(piece.text, encoded.tokens);
    if (piece.ends_file) encoded.document_ends.push_back(encoded.tokens.size());
    return encoded;
  }
  for_each_json_text(piece, text_key, [&](const std::string& text) {
    if (text.empty()) {
      ++encoded.empty_documents;
      return;
    }
    tokenizer.encode(text, encoded.tokens);
    encoded.document_ends.push_back(encoded.tokens.size());
  });
  return encoded;
}

void write(const Encoded& encoded, TokenWriter& writer) {
  const std::span<const TokenId> tokens(encoded.tokens);
  std::size_t begin = 0;
  for (const std::size_t end : encoded.document_ends) {
    writer.append(tokens.subspan(begin, end - begin));
    writer.end_document();
    begin = end;
  }
  writer.append(tokens.subspan(begin));
}

bool is_jsonl(const std::filesystem::path& file, TextFormat format) {
  const std::string extension = file.extension().string();
  return format == TextFormat::jsonl ||
         (format == TextFormat::automatic && (extension == ".jsonl" || extension == ".ndjson"));
}

}  // namespace

std::int64_t total_input_bytes(const TokenizeOptions& options) {
  std::int64_t total = 0;
  for (const auto& input : options.inputs) {
    total += text_file_size(input);
    std::error_code missing;
    if (std::filesystem::equivalent(input, options.output, missing)) {
      throw core::Error(core::ExitCode::usage, fmt::format("{} is both input and output", input.string()),
                        "choose another output");
    }
  }
  return total;
}

TokenizeResult tokenize_files(const Tokenizer& tokenizer, const TokenizeOptions& options,
                              const ProgressFunction& progress) {
  core::require(!options.inputs.empty() && options.threads >= 1 && options.piece_bytes >= 1, "there is work to do");
  total_input_bytes(options);  // bad names are found before hours of work
  TokenWriter writer(options.output,
                     {tokenizer.name(), tokenizer.vocab_size(), tokenizer.end_of_text(), options.overwrite});
  TokenizeResult result;
  std::deque<std::future<Encoded>> in_flight;  // in the order of the input
  const auto take_oldest = [&] {
    const Encoded encoded = in_flight.front().get();
    in_flight.pop_front();
    write(encoded, writer);
    result.input_bytes += encoded.input_bytes;
    result.empty_documents += encoded.empty_documents;
    progress(encoded.input_bytes);
  };

  for (const auto& input : options.inputs) {
    PieceReader reader(input, tokenizer,
                       {is_jsonl(input, options.format), options.piece_bytes, options.max_line_bytes});
    while (auto piece = reader.next()) {
      if (in_flight.size() == static_cast<std::size_t>(options.threads)) take_oldest();
      in_flight.push_back(std::async(
          std::launch::async, [&, piece = std::move(*piece)] { return encode(tokenizer, piece, options.text_key); }));
    }
  }
  while (!in_flight.empty()) take_oldest();
  if (writer.documents() == 0) {
    throw core::Error(core::ExitCode::usage, "the input has no text: every line is blank or its text empty",
                      "check the input files");
  }
  result.dataset = writer.commit();
  return result;
}

}  // namespace baleen::data
