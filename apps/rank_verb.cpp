#include "apps/rank_verb.h"

#include "core/error.h"
#include "launch/process.h"

namespace baleen::apps {
namespace {

/// Another rank tells what happened and ends this one.
int silent_end(core::ExitCode code) {
  launch::wait_to_be_ended();
  return static_cast<int>(code);
}

}  // namespace

int rank_verb(const std::function<int()>& verb, const char* less_memory) {
  try {
    return verb();
  } catch (const parallel::AgreedError& error) {
    if (error.is_origin()) throw;
    return silent_end(error.code());
  } catch (...) {
    const core::Error error = parallel::current_error(less_memory);
    if (launch::is_to_tell(error.code())) throw error;
    return silent_end(error.code());
  }
}

int end_ranks(int code) {
  // MPI may be waiting for ranks that never come: no return from main, which would finalise it.
  const bool well = code == static_cast<int>(core::ExitCode::ok) || code == static_cast<int>(core::ExitCode::requeue);
  if (!well) launch::abort(static_cast<core::ExitCode>(code));
  return code;
}

}  // namespace baleen::apps
