#pragma once
// What this machine has, as far as it concerns Baleen. Asks the kernel and the tools that are installed, loads nothing.

#include <string>
#include <vector>

namespace baleen::apps {

enum class Verdict { fine, note, missing };

struct Finding {
  std::string subject;  // "memory"
  std::string text;     // what was found
  Verdict verdict = Verdict::fine;
  std::string advice = {};  // for notes and what is missing: what to do
};

std::vector<Finding> examine_machine();

/// What a shell command prints on stdout and stderr, less the newline at the end, and its exit status.
struct CommandResult {
  int status = 0;
  std::string output;
};
CommandResult run_command(const std::string& command);

}  // namespace baleen::apps
