#include "data/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace baleen::data {
namespace {

class ByteTokenizer final : public Tokenizer {
 public:
  std::string name() const override { return "bytes"; }
  std::int64_t vocab_size() const override { return 257; }
  TokenId end_of_text() const override { return 256; }

  void encode(std::string_view text, std::vector<TokenId>& out) const override {
    const std::size_t before = out.size();
    out.resize(before + text.size());
    std::transform(text.begin(), text.end(), out.begin() + static_cast<std::ptrdiff_t>(before),
                   [](char byte) { return static_cast<unsigned char>(byte); });
  }

  std::string decode(std::span<const TokenId> tokens) const override {
    std::string bytes;
    bytes.reserve(tokens.size());
    for (const TokenId token : tokens) {
      if (token < 0 || token >= vocab_size()) {
        throw core::Error(core::ExitCode::usage,
                          fmt::format("token {} is not in the vocabulary of \"bytes\" (0 to 256)", token),
                          "decode it with the tokenizer that it was made with");
      }
      if (token != end_of_text()) bytes.push_back(static_cast<char>(token));
    }
    return bytes;
  }

  std::size_t split_point(std::string_view text) const override { return text.size(); }
};

}  // namespace

std::unique_ptr<const Tokenizer> make_tokenizer(std::string_view name) {
  if (name == "bytes") return std::make_unique<ByteTokenizer>();
  throw core::Error(core::ExitCode::usage, fmt::format("unknown tokenizer \"{}\"", name), "known tokenizers: bytes");
}

}  // namespace baleen::data
