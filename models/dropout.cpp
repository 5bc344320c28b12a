#include "models/dropout.h"

#include "kernels/dropout.h"

namespace baleen::models {

at::Tensor Dropout::forward(const at::Tensor& x, const Batch& batch, const at::Tensor& residual) const {
  const auto stream =
      core::random_stream(batch.seed, core::RandomPurpose::dropout, static_cast<std::uint64_t>(batch.step), site_);
  const std::int64_t first_token = batch.first_global_token + region_.first_token(x.size(0));
  return kernels::dropout(x, p_, stream, first_token * x.size(1), residual);
}

}  // namespace baleen::models
