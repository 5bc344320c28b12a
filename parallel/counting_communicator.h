#pragma once
// Counts what a communicator is asked to move.

#include <memory>
#include <string>

#include "parallel/communicator.h"
#include "parallel/traffic.h"

namespace baleen::parallel {

/// Adds each call to `traffic`, which outlives the communicator, under the name of the axis; then passes it on.
std::unique_ptr<Communicator> make_counting_communicator(std::unique_ptr<Communicator> inner, std::string axis,
                                                         Traffic& traffic);

}  // namespace baleen::parallel
