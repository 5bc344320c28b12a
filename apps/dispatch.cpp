#include "apps/dispatch.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apps/run_verb.h"
#include "core/config_value.h"
#include "core/error.h"

namespace baleen::apps {
namespace {

bool asks_for_help(const std::string& word) {
  return word == "--help" || word == "-h" || word == "help";
}

std::string usage(const std::string& program, std::span<const Verb> verbs) {
  std::string text = fmt::format("Usage: {} VERB ...\n\n", program);
  for (const Verb& verb : verbs) text += fmt::format("  {:<10}{}\n", verb.name, verb.help);
  return text + fmt::format("\n`{} VERB --help` shows what a verb takes.\n", program);
}

std::vector<std::string> names(std::span<const Verb> verbs) {
  std::vector<std::string> all;
  for (const Verb& verb : verbs) all.emplace_back(verb.name);
  return all;
}

const Verb& find_verb(const std::string& program, std::span<const Verb> verbs, const std::string& name) {
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return name == verb.name; });
  if (found != verbs.end()) return *found;
  const std::string nearest = core::nearest_name(name, names(verbs));
  throw core::Error(
      core::ExitCode::usage,
      fmt::format("there is no verb {}{}", name, nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)),
      fmt::format("`{} --help` lists the verbs", program));
}

/// The verb of that name, with the words behind it.
int run_found(const std::string& program, std::span<const Verb> verbs, const std::string& name,
              std::vector<char*> words) {
  const Verb& verb = find_verb(program, verbs, name);
  std::string whole = program + " " + name;
  std::vector<char*> arguments{whole.data()};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  return verb.run(count, arguments.data());
}

/// `help train` is `train --help`, and `help data inspect` is `data inspect --help`.
int run_help(const std::string& program, std::span<const Verb> verbs, int argc, char** argv) {
  std::string help = "--help";
  std::vector<char*> words(argv + 3, argv + argc);
  words.push_back(help.data());
  return run_found(program, verbs, argv[2], std::move(words));
}

}  // namespace

int dispatch(std::span<const Verb> verbs, int argc, char** argv) {
  const std::string program = "baleen";
  if (argc < 2) {
    fmt::print(stderr, "{}", usage(program, verbs));
    return static_cast<int>(core::ExitCode::usage);
  }
  std::string name = argv[1];
  if (asks_for_help(name) && argc > 2) return run_verb([&] { return run_help(program, verbs, argc, argv); });
  if (asks_for_help(name)) {
    fmt::print("{}", usage(program, verbs));
    return 0;
  }
  if (name == "--version") name = "version";
  return run_verb([&] { return run_found(program, verbs, name, {argv + 2, argv + argc}); });
}

int dispatch_below(std::span<const Verb> verbs, int argc, char** argv) {
  const std::string program = argv[0];
  if (argc < 2)
    throw core::Error(core::ExitCode::usage,
                      fmt::format("a verb is missing after `{}`: {}", program, fmt::join(names(verbs), " or ")),
                      fmt::format("`{} --help` says what each does", program));
  if (!asks_for_help(argv[1])) return run_found(program, verbs, argv[1], {argv + 2, argv + argc});
  if (argc > 2) return run_help(program, verbs, argc, argv);
  fmt::print("{}", usage(program, verbs));
  return 0;
}

}  // namespace baleen::apps
