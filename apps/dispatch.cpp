#include "apps/dispatch.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apps/run_verb.h"
#include "core/config_value.h"
#include "core/error.h"

namespace baleen::apps {
namespace {

std::string usage(std::span<const Verb> verbs) {
  std::string text = "Usage: baleen VERB ...\n\n";
  for (const Verb& verb : verbs) text += fmt::format("  {:<10}{}\n", verb.name, verb.help);
  return text + "\n`baleen VERB --help` shows what a verb takes.\n";
}

const Verb& find_verb(std::span<const Verb> verbs, const std::string& name) {
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return name == verb.name; });
  if (found != verbs.end()) return *found;
  std::vector<std::string> names;
  for (const Verb& verb : verbs) names.push_back(verb.name);
  const std::string nearest = core::nearest_name(name, names);
  throw core::Error(
      core::ExitCode::usage,
      fmt::format("unknown verb {}{}", name, nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)),
      "`baleen --help` lists the verbs");
}

}  // namespace

int dispatch(std::span<const Verb> verbs, int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "{}", usage(verbs));
    return static_cast<int>(core::ExitCode::usage);
  }
  std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    fmt::print("{}", usage(verbs));
    return 0;
  }
  if (name == "--version") name = "version";
  return run_verb([&] {
    const Verb& verb = find_verb(verbs, name);
    std::string program = "baleen " + name;
    std::vector<char*> arguments{program.data()};
    arguments.insert(arguments.end(), argv + 2, argv + argc);
    const int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    return verb.run(count, arguments.data());
  });
}

}  // namespace baleen::apps
