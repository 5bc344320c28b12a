#pragma once
// A run that goes on under another configuration than it was saved with.

#include <string>

#include "trainer/config.h"

namespace baleen::trainer {

/// The keys whose values differ and change the course of the training, a line each, with both values; and the next
/// learning rate where that differs. Empty where the run goes on as it would have. `optimizer_step`: updates so far.
/// What may differ freely: layout, devices, names, what is told, saved and validated.
std::string changes_of_course(const Config& saved, const Config& now, std::int64_t optimizer_step);

}  // namespace baleen::trainer
