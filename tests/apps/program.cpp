#include "tests/apps/program.h"

#include <sys/wait.h>

#include <chrono>
#include <cstdlib>

#include "tests/core/temporary_folder.h"

namespace baleen::apps {

std::filesystem::path program_folder() {
  const char* binaries = std::getenv("BALEEN_BINARY_DIR");
  return std::filesystem::absolute(binaries != nullptr ? binaries : ".") / "bin";
}

Outcome run(const std::string& command, const std::filesystem::path& folder) {
  const core::TemporaryFolder output;
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

}  // namespace baleen::apps
