#include "core/trace.h"

namespace baleen::core {

TraceRange::TraceRange(const char*) {}
TraceRange::~TraceRange() = default;

}  // namespace baleen::core
