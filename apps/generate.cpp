// baleen generate RUN_OR_CHECKPOINT [section.key=VALUE ...] [--prompt TEXT] [--tokens N] [--temperature T] [--top-k K]
//                 [--top-p P] [--seed S] [--step N]

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "checkpoint/directory.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/log.h"
#include "data/tokenizer.h"
#include "data/utf8.h"
#include "inference/generator.h"
#include "inference/load_model.h"
#include "kernels/device.h"
#include "launch/process.h"
#include "trainer/config.h"

namespace baleen::apps {
namespace {

namespace fs = std::filesystem;

constexpr auto kStep = checkpoint::StepOption::step;

struct GenerateArguments {
  std::string path, prompt;
  std::vector<std::string> overrides;
  std::optional<std::int64_t> step;
  std::int64_t seed = 42;
  inference::GenerationOptions options;
};

bool parse(int argc, char** argv, GenerateArguments& a) {
  inference::SamplingOptions& sampling = a.options.sampling;
  Arguments arguments(argv[0], "Continues a text with the model of a run.");
  arguments.positional("RUN_OR_CHECKPOINT", a.path, "Folder of a run (its newest checkpoint), or of one checkpoint")
      .overrides(a.overrides, "section.key=VALUE over the run's configuration: launch.device=cpu")
      .text("--prompt", a.prompt, "The text to continue; without one the model starts a text of its own")
      .option("--tokens", a.options.max_tokens, "Most tokens to write")
      .option("--temperature", sampling.temperature,
              "Below 1 bolder guesses become rarer; 0: always the likeliest token")
      .option("--top-k", sampling.top_k, "Choose among the K likeliest tokens; 0: all")
      .option("--top-p", sampling.top_p, "Choose among the likeliest tokens that make up this probability")
      .option("--seed", a.seed, "The same seed gives the same text")
      .option("--step", a.step, "The run's checkpoint of this step");
  if (!arguments.parse(argc, argv)) return false;
  sampling.seed = static_cast<std::uint64_t>(a.seed);
  return true;
}

/// As a shell takes it for one word.
std::string shell_word(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("_-./,:+@%", c) != nullptr; };
  if (!text.empty() && std::ranges::all_of(text, is_plain)) return text;
  if (text.find_first_of("\"$`\\!") == std::string::npos) return "\"" + text + "\"";
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// A prompt where the run belongs, the other way round, or without its quotes.
void check_places(const GenerateArguments& a) {
  const auto is_folder = [](const std::string& path) {
    std::error_code error;
    return fs::is_directory(path, error);
  };
  const auto refuse = [](const std::string& what, const std::string& run, const std::string& prompt) {
    throw core::Error(core::ExitCode::usage, what,
                      fmt::format("say: baleen generate {} --prompt {}", shell_word(run), shell_word(prompt)));
  };
  const auto is_bare = [](const std::string& word) { return word.find('=') == std::string::npos; };
  const auto word = std::ranges::find_if(a.overrides, is_bare);
  if (!is_folder(a.path) && is_folder(a.prompt))
    refuse(fmt::format("the prompt, {}, is a folder, and the run, {}, is none", a.prompt, a.path), a.prompt, a.path);
  if (word == a.overrides.end()) return;
  if (!is_folder(a.path) && is_folder(*word))
    refuse(fmt::format("the run comes first, and {} is no folder", a.path), *word, a.path);
  if (!std::ranges::all_of(a.overrides, is_bare)) return;  // an override with spaces around its =
  const std::string words = fmt::format("{}", fmt::join(a.overrides, " "));
  if (a.prompt.empty())
    refuse(fmt::format("{} is no section.key=VALUE; a prompt stands behind --prompt", words), a.path, words);
  refuse(fmt::format("{} is no section.key=VALUE; a prompt of several words stands in quotes", words), a.path,
         a.prompt + " " + words);
}

/// What the model could not tell as well: all of it before minutes go into loading.
void check(const GenerateArguments& a) {
  check_places(a);
  inference::check(a.options.sampling);
  if (a.options.max_tokens < 0) {
    throw core::Error(core::ExitCode::usage, fmt::format("--tokens is {}", a.options.max_tokens), "use 0 or more");
  }
  if (const auto wrong = data::first_utf8_error(a.prompt)) {
    throw core::Error(core::ExitCode::usage, fmt::format("the prompt is not UTF-8 at byte {}", *wrong),
                      "give the prompt in UTF-8: check the terminal's locale");
  }
}

/// A run's newest sound checkpoint, with a warning for each that was passed over, or the one that was named.
fs::path find(const GenerateArguments& a) {
  const checkpoint::FoundCheckpoint found = checkpoint::find_checkpoint(a.path, a.step, kStep);
  for (const std::string& note : found.notes) core::log_warning(note);
  return found.path;
}

/// Prints the text as it comes, whole characters only. A terminal gets no control characters that could drive it; a
/// file or a pipe gets the text as it is.
class Printer {
 public:
  explicit Printer(const data::Tokenizer& tokenizer)
      : tokenizer_(tokenizer), to_terminal_(::isatty(STDOUT_FILENO) == 1) {}
  void text(const std::string& text) {
    const std::string shown = to_terminal_ ? data::without_controls(text) : text;
    if (std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size() && std::fflush(stdout) == 0) return;
    throw core::Error(core::ExitCode::storage, fmt::format("cannot write to standard output: {}", std::strerror(errno)),
                      "check where the output goes");
  }
  void token(data::TokenId token) { text(stream_.push(tokenizer_.decode({&token, 1}))); }
  void finish() { text(stream_.finish() + "\n"); }

 private:
  const data::Tokenizer& tokenizer_;
  data::Utf8Stream stream_;
  bool to_terminal_;
};

std::string summary(const inference::Generation& generation, double seconds, std::int64_t context) {
  std::string text = fmt::format("{} in {:.2f} s, {:.0f} tokens/s", core::counted(generation.tokens, "token"), seconds,
                                 static_cast<double>(generation.tokens) / std::max(seconds, 1e-9));
  if (generation.reason == inference::StopReason::end_of_text) text += "; the model ended the text";
  if (generation.reason == inference::StopReason::context_full)
    text += fmt::format("; stopped because the model's context of {} tokens is full", context);
  return text;
}

}  // namespace

int generate_main(int argc, char** argv) {
  GenerateArguments a;
  if (!parse(argc, argv, a)) return 0;
  check(a);
  const auto reader = checkpoint::CheckpointReader::open(find(a), kStep);
  const trainer::Config config = trainer::load_config(reader.directory() / checkpoint::kConfigName, a.overrides);
  launch::Process process({config.launch.device, static_cast<int>(config.launch.threads_per_rank)});
  if (process.size() > 1) {
    throw core::Error(core::ExitCode::usage, fmt::format("generate runs as one process, not {}", process.size()),
                      "start it without mpirun");
  }

  const auto tokenizer = data::make_tokenizer(config.data.tokenizer);
  std::vector<data::TokenId> prompt;
  tokenizer->encode(a.prompt, prompt);
  parallel::UnitOptions options;
  options.compute = kernels::scalar_type(config.compute_dtype());
  options.master = kernels::scalar_type(config.precision.master_dtype());
  options.device = process.device();
  options.trained = false;
  models::TransformerStage stage(config.model, options, {});
  inference::load_model(reader, stage);
  inference::Generator generator(stage, tokenizer->vocab_size(), tokenizer->end_of_text());

  generator.check_prompt(prompt);
  Printer printer(*tokenizer);
  printer.text(a.prompt);
  const auto start = std::chrono::steady_clock::now();
  const inference::Generation generation =
      generator.generate(prompt, a.options, [&](data::TokenId token) { printer.token(token); });
  printer.finish();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  core::log_info(summary(generation, elapsed.count(), config.model.max_sequence_length));
  return 0;
}

}  // namespace baleen::apps
