#include "kernels/random_fill.h"

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/normal.h"

namespace baleen::kernels {
namespace {

template <typename T>
void fill_cpu(T* out, std::int64_t count, double std, core::RandomStream stream, std::int64_t first_element) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<T>(std * random_normal(stream, static_cast<std::uint64_t>(first_element + i)));
  }
}

}  // namespace

void fill_normal_(const at::Tensor& out, double std, core::RandomStream stream, std::int64_t first_element) {
  core::require(out.is_contiguous(), "fill_normal_: out contiguous");
  if (out.scalar_type() == at::kDouble) {
    fill_cpu(out.mutable_data_ptr<double>(), out.numel(), std, stream, first_element);
  } else {
    fill_cpu(out.mutable_data_ptr<float>(), out.numel(), std, stream, first_element);
  }
}

}  // namespace baleen::kernels
