// baleen data tokenize INPUT... --output NAME.h5 [--tokenizer bytes] [--threads N] [--format auto|text|jsonl]
//                               [--text-key text] [--force]
// baleen data inspect FILE [--windows N] [--tokens N] [--verify]

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "apps/verbs.h"
#include "core/error.h"
#include "core/progress.h"
#include "data/sampler.h"
#include "data/token_dataset.h"
#include "data/tokenize.h"
#include "data/tokenizer.h"
#include "data/utf8.h"

namespace baleen::apps {
namespace {

struct TokenizeArguments {
  std::string tokenizer = "bytes";
  data::TokenizeOptions options;
};

struct InspectArguments {
  std::string file;
  std::int64_t windows = 3;
  std::int64_t window_tokens = 96;
  bool verify = false;
};

void describe(CLI::App& verb, TokenizeArguments& arguments) {
  data::TokenizeOptions& options = arguments.options;
  const std::map<std::string, data::TextFormat> formats = {
      {"auto", data::TextFormat::automatic}, {"text", data::TextFormat::text}, {"jsonl", data::TextFormat::jsonl}};
  verb.add_option("inputs", options.inputs, "text files, one document each, or JSONL files, one document a line")
      ->required();
  verb.add_option("--output,-o", options.output, "the dataset to write (HDF5)")->required();
  verb.add_option("--tokenizer", arguments.tokenizer, "how text becomes tokens")->capture_default_str();
  verb.add_option("--threads", options.threads, "threads that tokenize")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb.add_option("--format", options.format, "auto (by the file name), text or jsonl")
      ->transform(CLI::CheckedTransformer(formats));
  verb.add_option("--text-key", options.text_key, "JSONL: the key of the text")->capture_default_str();
  verb.add_flag("--force", options.overwrite, "replace an existing output");
}

void describe(CLI::App& verb, InspectArguments& arguments) {
  verb.add_option("file", arguments.file, "a dataset")->required();
  verb.add_option("--windows", arguments.windows, "show this many pieces of decoded text, evenly spaced")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20))
      ->capture_default_str();
  verb.add_option("--tokens", arguments.window_tokens, "tokens of each piece")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
      ->capture_default_str();
  verb.add_flag("--verify", arguments.verify, "read everything: digests, and that every token is in the vocabulary");
}

int tokenize(const TokenizeArguments& arguments) {
  const auto tokenizer = data::make_tokenizer(arguments.tokenizer);
  const auto began = std::chrono::steady_clock::now();
  data::TokenizeResult result;
  {
    core::Progress bar("tokenizing", data::total_input_bytes(arguments.options), core::Progress::Unit::bytes);
    result = data::tokenize_files(*tokenizer, arguments.options, [&](std::int64_t bytes) { bar.advance(bytes); });
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double megabytes = static_cast<double>(result.input_bytes) / 1e6;
  const data::DatasetInfo& dataset = result.dataset;
  fmt::print("{}: {} tokens ({}) in {} documents\n", dataset.path.string(), dataset.tokens,
             core::dtype_name(dataset.dtype), dataset.documents);
  if (result.empty_documents > 0) fmt::print("{} empty documents were left out\n", result.empty_documents);
  fmt::print("{:.1f} MB of text in {:.2f} s, {:.1f} MB/s\n", megabytes, seconds, megabytes / std::max(seconds, 1e-9));
  return 0;
}

/// For a terminal: whole characters, and no control characters that could drive it.
std::string printable(const std::string& bytes) {
  data::Utf8Stream stream;
  std::string text = stream.push(bytes);
  text += stream.finish();
  std::string shown;
  for (const char c : text) {
    if (c == '\n') {
      shown += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      shown += c;
    }
  }
  return shown;
}

std::string decoded(const data::Tokenizer& tokenizer, std::span<const data::TokenId> tokens) {
  std::string shown;
  while (!tokens.empty()) {
    const auto end = std::find(tokens.begin(), tokens.end(), tokenizer.end_of_text());
    const auto count = static_cast<std::size_t>(end - tokens.begin());
    shown += printable(tokenizer.decode(tokens.first(count)));
    if (end == tokens.end()) break;
    shown += "<end-of-text>";
    tokens = tokens.subspan(count + 1);
  }
  return shown;
}

void print_summary(const data::TokenDataset& dataset) {
  const data::DatasetInfo& info = dataset.info();
  const auto offsets = dataset.document_offsets();
  std::uint64_t shortest = std::numeric_limits<std::uint64_t>::max(), longest = 0;
  for (std::size_t d = 1; d < offsets.size(); ++d) {
    shortest = std::min(shortest, offsets[d] - offsets[d - 1]);
    longest = std::max(longest, offsets[d] - offsets[d - 1]);
  }
  const double mebibytes = static_cast<double>(info.tokens * core::dtype_size(info.dtype)) / (1 << 20);
  fmt::print("file        {}\n", info.path.string());
  fmt::print("tokenizer   {}, vocabulary {}, end-of-text {}\n", info.tokenizer, info.vocab_size, info.end_of_text);
  fmt::print("tokens      {}, {}, {:.1f} MiB\n", info.tokens, core::dtype_name(info.dtype), mebibytes);
  fmt::print("documents   {}, of {} to {} tokens, {} on average\n", info.documents, shortest, longest,
             info.tokens / info.documents);
}

void print_digests(const data::TokenDataset& dataset) {
  constexpr std::size_t kShown = 8;
  const auto digests = dataset.digests();
  fmt::print("digests     {}, XXH3-128 of each {} MiB of tokens\n", digests.size(), data::kDigestBlockBytes >> 20);
  for (std::size_t block = 0; block < std::min(kShown, digests.size()); ++block) {
    fmt::print("{:>10}  {}\n", block, data::digest_text(digests[block]));
  }
  if (digests.size() > kShown) fmt::print("{:>10}  and {} more\n", "", digests.size() - kShown);
}

void print_windows(const data::TokenDataset& dataset, const InspectArguments& arguments) {
  const data::DatasetInfo& info = dataset.info();
  const auto tokenizer = data::make_tokenizer(info.tokenizer);
  const std::int64_t length = std::min(arguments.window_tokens, info.tokens);
  const std::int64_t places = info.tokens / length;
  const data::EvenSampler sampler(places, std::min(arguments.windows, places));
  std::vector<data::TokenId> tokens(static_cast<std::size_t>(length));
  for (std::int64_t i = 0; i < sampler.samples(); ++i) {
    const std::int64_t first = sampler.window(i) * length;
    dataset.read(first, tokens);
    fmt::print("\ntokens {} to {}:\n{}\n", first, first + length - 1, decoded(*tokenizer, tokens));
  }
}

void verify(const data::TokenDataset& dataset) {
  const auto blocks = static_cast<std::int64_t>(dataset.digests().size());
  {
    core::Progress bar("verifying", blocks);
    for (std::int64_t block = 0; block < blocks; ++block) {
      dataset.verify_block(block);
      bar.advance(1);
    }
  }
  fmt::print("verified    every digest fits, every token is in the vocabulary\n");
}

int inspect(const InspectArguments& arguments) {
  const data::TokenDataset dataset = data::TokenDataset::open(arguments.file);
  print_summary(dataset);
  print_digests(dataset);
  if (arguments.verify) verify(dataset);
  if (arguments.windows > 0) print_windows(dataset, arguments);
  return 0;
}

}  // namespace

int data_main(int argc, char** argv) {
  CLI::App app("Makes datasets from text and looks into them.", "baleen data");
  app.require_subcommand(1);
  TokenizeArguments tokenize_arguments;
  InspectArguments inspect_arguments;
  CLI::App* tokenize_verb = app.add_subcommand("tokenize", "Write a dataset from text or JSONL files");
  CLI::App* inspect_verb = app.add_subcommand("inspect", "Print what a dataset holds");
  describe(*tokenize_verb, tokenize_arguments);
  describe(*inspect_verb, inspect_arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw core::Error(core::ExitCode::usage, error.what(), "see `baleen data --help`");
  }
  return tokenize_verb->parsed() ? tokenize(tokenize_arguments) : inspect(inspect_arguments);
}

}  // namespace baleen::apps
