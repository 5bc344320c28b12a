#pragma once
// Runs the program `baleen` as people do.

#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace baleen::tests {

struct Outcome {
  int code = -1;  // exit status, or 128 + signal
  std::string out, err;
  double seconds = 0;
};

/// BINARY_DIR/bin
inline std::filesystem::path program_folder() {
  const char* binaries = std::getenv("BALEEN_BINARY_DIR");
  return std::filesystem::absolute(binaries != nullptr ? binaries : ".") / "bin";
}

/// Runs `command`, shell text in which $baleen is the program, in `folder`.
inline Outcome run(const std::string& command, const std::filesystem::path& folder = ".") {
  const TemporaryFolder output;
  const std::string script = "cd '" + folder.string() + "' && baleen='" + (program_folder() / "baleen").string() +
                             "' && { " + command + "\n} >'" + (output / "out").string() + "' 2>'" +
                             (output / "err").string() + "'";
  const auto began = std::chrono::steady_clock::now();
  const int status = std::system(script.c_str());
  Outcome outcome;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = output.read("out");
  outcome.err = output.read("err");
  return outcome;
}

}  // namespace baleen::tests
