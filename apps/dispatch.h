#pragma once
// From the first words of the command line to their verb.

#include <span>

namespace baleen::apps {

struct Verb {
  const char* name;
  int (*run)(int argc, char** argv);  // argv[0] is "baleen NAME"
  const char* help;                   // one line
};

/// Runs the verb that argv[1] names inside run_verb(). No verb, an unknown one: exit code 2.
int dispatch(std::span<const Verb> verbs, int argc, char** argv);

/// The same for a verb that has verbs of its own, `baleen ckpt ls`: argv[0] is "baleen ckpt". Throws Error(usage) where
/// argv[1] is none of them.
int dispatch_below(std::span<const Verb> verbs, int argc, char** argv);

}  // namespace baleen::apps
