#include "kernels/random_fill.h"

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/normal.h"
#include "kernels/random_fill_launch.h"

namespace baleen::kernels {
namespace {

template <typename T>
void fill_cpu(T* out, std::int64_t count, double std, core::RandomStream stream, std::int64_t first_element) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(std * random_normal(stream, static_cast<std::uint64_t>(first_element + i)));
  }
}

}  // namespace

void fill_normal_(const at::Tensor& out, double std, core::RandomStream stream, std::int64_t first_element) {
  const bool fp64 = out.scalar_type() == at::kDouble;
  core::require(out.is_contiguous() && (fp64 || out.scalar_type() == at::kFloat),
                "fill_normal_: out contiguous, fp32 or fp64");
  if (on_cuda(out)) {
    const CudaScope scope(out);
    launch_fill_normal(dtype_of(out), out.mutable_data_ptr(), out.numel(), std, stream, first_element, scope.stream());
  } else if (fp64) {
    fill_cpu(out.mutable_data_ptr<double>(), out.numel(), std, stream, first_element);
  } else {
    fill_cpu(out.mutable_data_ptr<float>(), out.numel(), std, stream, first_element);
  }
}

}  // namespace baleen::kernels
