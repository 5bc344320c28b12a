// baleen train, baleen generate: this process becomes baleen-compute with the same arguments.

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "apps/compute_program.h"
#include "apps/verbs.h"
#include "core/error.h"

namespace baleen::apps {

std::filesystem::path compute_program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "baleen-compute";
}

namespace {

/// OpenMP's threads spin for milliseconds at the end of a loop. Where others want the processors too, the thread that
/// all wait for is often not running, and generating was a hundred times slower; a few microseconds cost nothing.
/// libgomp reads this when it is loaded.
void limit_spinning() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "10000", /*overwrite=*/0);
}

}  // namespace

int compute_exec_main(int argc, char** argv) {
  const std::string program = compute_program().string();
  std::string verb = argv[0];
  verb = verb.substr(verb.rfind(' ') + 1);

  std::vector<char*> arguments{const_cast<char*>(program.c_str()), verb.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  arguments.push_back(nullptr);
  limit_spinning();
  ::execv(program.c_str(), arguments.data());
  throw core::Error(
      core::ExitCode::environment,
      fmt::format("baleen {} runs in {}, which cannot be started: {}", verb, program, std::strerror(errno)),
      "build it with `./bootstrap build`; `baleen doctor` shows what is missing");
}

}  // namespace baleen::apps
