// baleen-compute: the verbs that need tensors. `baleen` executes it; mpirun may too.

#include <cstdio>
#include <string>

#include "apps/dispatch.h"
#include "apps/rank_verb.h"
#include "apps/verbs.h"
#include "core/version.h"
#include "launch/library_versions.h"

namespace baleen::apps {
namespace {

constexpr char kLargerDevice[] = "the model needs a device with more memory; launch.device=cpu takes the machine's";

template <int (*verb)(int, char**), const char* less_memory = parallel::kSmallerSteps>
int as_rank(int argc, char** argv) {
  return rank_verb([=] { return verb(argc, argv); }, less_memory);
}

int library_versions_main(int, char**) {
  std::printf("Baleen %s, build %s\n", core::version(), core::build_id().c_str());
  for (const launch::LibraryVersion& library : launch::library_versions())
    std::printf("%s %s%s%s\n", library.name.c_str(), library.version.c_str(), library.path.empty() ? "" : "  ",
                library.path.c_str());
  for (const core::LoadedObject& library : launch::loaded_libraries())
    std::printf("%s build %s  %s\n", library.file().c_str(), library.build.c_str(), library.path.c_str());
  return 0;
}

}  // namespace
}  // namespace baleen::apps

int main(int argc, char** argv) {
  using namespace baleen::apps;
  static constexpr Verb kVerbs[] = {
      {"train", as_rank<train_main>, "Train a model: baleen train run.toml, under mpirun for several ranks"},
      {"generate", as_rank<generate_main, kLargerDevice>, "Continue a text with the model of a run"},
      {"bench", as_rank<bench_main>, "Time training steps or single kernels"},
      {"version", as_rank<library_versions_main>, "Show the libraries in use"},
  };
  return end_ranks(dispatch(kVerbs, argc, argv));
}
