// Stands in for every CUDA launcher in a build without CUDA. Tensors on a GPU cannot exist there, so none is ever
// called.

#include "core/error.h"
#include "kernels/adamw_launch.h"
#include "kernels/sgd_launch.h"
#include "kernels/squared_norm_launch.h"
#include "kernels/step_control_launch.h"

namespace baleen::kernels {
namespace {

[[noreturn]] void absent() {
  throw core::Error(core::ExitCode::environment, "this build of Baleen has no CUDA", "build with -DBALEEN_CUDA=ON");
}

}  // namespace

void launch_adamw(const FlatShard&, const AdamwOptions&, void*) {
  absent();
}

void launch_sgd(const FlatShard&, const SgdOptions&, void*) {
  absent();
}

template <typename T>
void launch_squared_norm(const T*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*, void*) {
  absent();
}
template void launch_squared_norm(const float*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*,
                                  void*);
template void launch_squared_norm(const double*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*,
                                  void*);

void launch_decide_step(StepState*, const StepRules&, const double*, const std::int32_t*, const double*, const double*,
                        std::int64_t, void*) {
  absent();
}

}  // namespace baleen::kernels
