// baleen data tokenize INPUT... --output NAME.h5 [--tokenizer bytes] [--threads N] [--format auto|text|jsonl]
//                               [--text-key text] [--force]
// baleen data inspect FILE [--windows N] [--tokens N] [--verify]

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "apps/arguments.h"
#include "apps/dispatch.h"
#include "apps/verbs.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/progress.h"
#include "data/dataset_format.h"
#include "data/sampler.h"
#include "data/token_dataset.h"
#include "data/tokenize.h"
#include "data/tokenizer.h"
#include "data/utf8.h"

namespace baleen::apps {
namespace {

core::Error usage_error(const std::string& verb, const std::string& message) {
  return {core::ExitCode::usage, message, fmt::format("`baleen data {} --help` shows what it takes", verb)};
}

data::TextFormat text_format(const std::string& name) {
  if (name == "auto") return data::TextFormat::automatic;
  if (name == "text") return data::TextFormat::text;
  if (name == "jsonl") return data::TextFormat::jsonl;
  throw usage_error("tokenize", fmt::format("--format is {}; expected auto, text or jsonl", name));
}

void print_result(const data::TokenizeResult& result, double seconds) {
  const data::DatasetInfo& dataset = result.dataset;
  fmt::print("{}: {} ({}) in {}\n", dataset.path.string(), core::counted(dataset.tokens, "token"),
             core::dtype_name(dataset.dtype), core::counted(dataset.documents, "document"));
  if (result.empty_documents > 0)
    fmt::print("{} left out\n", core::counted(result.empty_documents, "empty document was", "empty documents were"));
  const double megabytes = static_cast<double>(result.input_bytes) / 1e6;
  fmt::print("{:.1f} MB of text in {:.2f} s, {:.1f} MB/s\n", megabytes, seconds, megabytes / std::max(seconds, 1e-9));
}

int tokenize(int argc, char** argv) {
  std::vector<std::string> inputs;
  std::string output, name = "bytes", format = "auto";
  data::TokenizeOptions options;
  Arguments arguments(argv[0], "Makes a dataset from text.");
  arguments.rest("INPUT", inputs, "Text files, one document each, or JSONL files, one document a line")
      .option("--output,-o", output, "The dataset to write, for example train.h5")
      .option("--tokenizer", name, "How text becomes tokens")
      .option("--threads", options.threads, "Threads that tokenize")
      .option("--format", format, "text, jsonl, or auto: by the name, .jsonl and .ndjson")
      .option("--text-key", options.text_key, "JSONL: the key of the text")
      .flag("--force", options.overwrite, "Replace an existing output");
  if (!arguments.parse(argc, argv)) return 0;
  if (inputs.empty()) throw usage_error("tokenize", "there is no INPUT to tokenize");
  if (output.empty()) throw usage_error("tokenize", "--output is missing: the name of the dataset to write");
  if (options.threads < 1 || options.threads > 1024) {
    throw usage_error("tokenize", fmt::format("--threads is {}; expected 1 to 1024", options.threads));
  }
  options.inputs.assign(inputs.begin(), inputs.end());
  options.output = output;
  options.format = text_format(format);
  const auto tokenizer = data::make_tokenizer(name);

  const auto began = std::chrono::steady_clock::now();
  data::TokenizeResult result;
  {
    core::Progress bar("tokenizing", data::total_input_bytes(options), core::Progress::Unit::bytes);
    result = data::tokenize_files(*tokenizer, options, [&](std::int64_t bytes) { bar.advance(bytes); });
  }
  print_result(result, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return 0;
}

/// On one line: whole characters, none that could drive a terminal.
std::string printable(const std::string& bytes) {
  data::Utf8Stream stream;
  std::string text = stream.push(bytes);
  text = data::without_controls(text + stream.finish());
  std::string shown;
  for (const char c : text) shown += c == '\n' ? "\\n" : c == '\t' ? "\\x09" : std::string(1, c);
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
  fmt::print("file        {}\n", info.path.string());
  fmt::print("tokenizer   {}, vocabulary {}, end-of-text {}\n", info.tokenizer, info.vocab_size, info.end_of_text);
  fmt::print("tokens      {}, {}, {}\n", info.tokens, core::dtype_name(info.dtype),
             core::byte_text(info.tokens * core::dtype_size(info.dtype)));
  fmt::print("documents   {}, of {} to {} tokens, {} on average\n", info.documents, shortest, longest,
             info.tokens / info.documents);
}

void print_digests(const data::TokenDataset& dataset) {
  constexpr std::size_t kShown = 8;
  const auto digests = dataset.digests();
  fmt::print("digests     {}, XXH3-128 of each {} MiB of tokens\n", digests.size(), data::kDigestBlockBytes >> 20);
  for (std::size_t block = 0; block < std::min(kShown, digests.size()); ++block) {
    fmt::print("{:>10}  {}\n", block, digests[block].hex());
  }
  if (digests.size() > kShown) fmt::print("{:>10}  and {} more\n", "", digests.size() - kShown);
}

/// `count` pieces of `tokens` tokens, evenly spaced.
void print_windows(const data::TokenDataset& dataset, std::int64_t count, std::int64_t tokens_each) {
  const data::DatasetInfo& info = dataset.info();
  const auto tokenizer = data::make_tokenizer(info.tokenizer);
  const std::int64_t length = std::min(tokens_each, info.tokens);
  const std::int64_t places = info.tokens / length;
  const data::EvenSampler sampler(places, std::min(count, places));
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

int inspect(int argc, char** argv) {
  std::string file;
  std::int64_t windows = 3, tokens = 96;
  bool read_all = false;
  Arguments arguments(argv[0], "Prints what a dataset holds.");
  arguments.positional("FILE", file, "A dataset made by `baleen data tokenize`")
      .option("--windows", windows, "Show this many pieces of decoded text, evenly spaced")
      .option("--tokens", tokens, "Tokens of each piece")
      .flag("--verify", read_all, "Read everything: digests, and that every token is in the vocabulary");
  if (!arguments.parse(argc, argv)) return 0;
  if (windows < 0) throw usage_error("inspect", fmt::format("--windows is {}; expected 0 or more", windows));
  if (tokens < 1) throw usage_error("inspect", fmt::format("--tokens is {}; expected 1 or more", tokens));

  const data::TokenDataset dataset = data::TokenDataset::open(file);
  print_summary(dataset);
  print_digests(dataset);
  if (read_all) verify(dataset);
  if (windows > 0) print_windows(dataset, windows, tokens);
  return 0;
}

}  // namespace

int data_main(int argc, char** argv) {
  static constexpr Verb kVerbs[] = {
      {"tokenize", tokenize, "Make a dataset from text: tokenize INPUT... --output NAME.h5"},
      {"inspect", inspect, "Print what a dataset holds: inspect FILE [--verify]"},
  };
  return dispatch_below(kVerbs, argc, argv);
}

}  // namespace baleen::apps
