// baleen train, baleen generate: this process becomes baleen-compute with the same arguments.

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
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

int compute_exec_main(int argc, char** argv) {
  const std::string program = compute_program().string();
  std::string verb = argv[0];
  verb = verb.substr(verb.rfind(' ') + 1);

  std::vector<char*> arguments{const_cast<char*>(program.c_str()), verb.data()};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw core::Error(
      core::ExitCode::environment,
      fmt::format("baleen {} runs in {}, which cannot be started: {}", verb, program, std::strerror(errno)),
      "build it with `./bootstrap build`; `baleen doctor` shows what is missing");
}

}  // namespace baleen::apps
