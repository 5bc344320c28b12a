// baleen-compute: the verbs that need tensors. `baleen` executes it; mpirun may too.

#include <c10/util/Exception.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "apps/dispatch.h"
#include "apps/run_verb.h"
#include "apps/verbs.h"
#include "core/error.h"
#include "launch/library_versions.h"
#include "launch/process.h"
#include "parallel/agreement.h"

namespace baleen::apps {
namespace {

template <int (*verb)(int, char**)>
int in_plain_words(int argc, char** argv) {
  try {
    return verb(argc, argv);
  } catch (const parallel::AgreedError& error) {
    if (error.is_origin()) throw;
    // Another rank tells it; leaving first would end that rank before it has.
    std::this_thread::sleep_for(std::chrono::seconds(2));
    return static_cast<int>(error.code());
  } catch (const c10::Error& error) {
    throw parallel::translate(error);
  }
}

int library_versions_main(int, char**) {
  for (const launch::LibraryVersion& library : launch::library_versions())
    std::printf("%s %s%s%s\n", library.name.c_str(), library.version.c_str(), library.path.empty() ? "" : "  ",
                library.path.c_str());
  return 0;
}

bool ended_well(int code) {
  return code == static_cast<int>(core::ExitCode::ok) || code == static_cast<int>(core::ExitCode::requeue);
}

}  // namespace
}  // namespace baleen::apps

int main(int argc, char** argv) {
  using namespace baleen;
  using namespace baleen::apps;
  static constexpr Verb kVerbs[] = {
      {"train", in_plain_words<train_main>, "Train a model: baleen train run.toml, under mpirun for several ranks"},
      {"generate", in_plain_words<generate_main>, "Continue a text with the model of a run"},
      {"version", in_plain_words<library_versions_main>, "Show the libraries in use"},
  };
  const int code = dispatch(kVerbs, argc, argv);
  // MPI may be waiting for ranks that never come: no return from main, which would finalise it.
  if (!ended_well(code)) launch::abort(static_cast<core::ExitCode>(code));
  return code;
}
