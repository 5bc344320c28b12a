#pragma once
// Errors of NCCL. Internal to the NCCL communicator.

#include <nccl.h>

#include "core/error.h"

namespace baleen::parallel {

/// Throws Error(code) with NCCL's own words unless `result` is success. comm: may be null.
void check_nccl(ncclResult_t result, ncclComm_t comm, const char* call,
                core::ExitCode code = core::ExitCode::rank_lost);

}  // namespace baleen::parallel
