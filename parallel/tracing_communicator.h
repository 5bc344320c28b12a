#pragma once
// Records when a communicator works and when the rank waits for it.

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/step_trace.h"

namespace baleen::parallel {

/// Passes each call on; while `trace`, which outlives the communicator and its Works, is recording, calls and waits go
/// into it under the name of the axis.
std::unique_ptr<Communicator> make_tracing_communicator(std::unique_ptr<Communicator> inner, std::string axis,
                                                        StepTrace& trace);

}  // namespace baleen::parallel
