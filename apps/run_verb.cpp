#include "apps/run_verb.h"

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "core/error.h"
#include "core/log.h"

namespace baleen::apps {
namespace {

int fail(core::ExitCode code, const std::string& message, const std::string& next_action) {
  std::fflush(stdout);  // what was told before stays before, also in one file
  core::log_fatal(next_action.empty() ? message : message + "\n  " + next_action);
  return static_cast<int>(code);
}

}  // namespace

int run_verb(const std::function<int()>& verb) {
  try {
    return verb();
  } catch (const core::Error& error) {
    return fail(error.code(), error.what(), error.next_action());
  } catch (const std::bad_alloc&) {
    return fail(core::ExitCode::out_of_memory, "out of memory", "use a smaller model or batch, or a larger machine");
  } catch (const std::exception& error) {
    return fail(core::ExitCode::internal, std::string("internal error: ") + error.what(),
                "report this with the command line and the run's log");
  }
}

}  // namespace baleen::apps
