#include <nvtx3/nvToolsExt.h>  // headers only: it finds the profiler when the process starts under one

#include "core/trace.h"

namespace baleen::core {

TraceRange::TraceRange(const char* name) {
  nvtxRangePushA(name);
}
TraceRange::~TraceRange() {
  nvtxRangePop();
}

}  // namespace baleen::core
