#include "trainer/batches.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

namespace baleen::trainer {
namespace {

static_assert(data::kIgnoredTarget == models::kIgnoreIndex, "the loader and the loss ignore the same target");

/// Pinned where the device is a GPU: LibTorch's caching host allocator keeps the memory until the copy has run.
at::Tensor to_device(const std::vector<std::int64_t>& numbers, at::Device device) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  const at::Tensor host = at::empty({count}, at::TensorOptions().dtype(at::kLong).pinned_memory(device.is_cuda()));
  std::memcpy(host.data_ptr(), numbers.data(), numbers.size() * sizeof(std::int64_t));
  return host.to(device, /*non_blocking=*/true);
}

/// Those tokens are in a sequence of their own, so no other token sees them.
data::MicroBatch padded(data::MicroBatch batch, std::int64_t multiple) {
  const auto tokens = static_cast<std::int64_t>(batch.tokens.size());
  const std::int64_t extra = (multiple - tokens % multiple) % multiple;
  if (extra == 0) return batch;
  for (std::int64_t position = 0; position < extra; ++position) {
    batch.tokens.push_back(0);
    batch.targets.push_back(models::kIgnoreIndex);
    batch.positions.push_back(position);
  }
  batch.sequence_starts.push_back(static_cast<std::int32_t>(tokens + extra));
  return batch;
}

}  // namespace

std::int64_t count_targets(const data::GlobalBatchPart& part) {
  std::int64_t valid = 0;
  for (const data::MicroBatch& micro_batch : part.micro_batches)
    valid += std::count_if(micro_batch.targets.begin(), micro_batch.targets.end(), [](auto t) { return t >= 0; });
  return valid;
}

std::vector<models::Batch> to_batches(const data::GlobalBatchPart& part, const BatchContext& context) {
  std::vector<models::Batch> batches;
  batches.reserve(part.micro_batches.size());
  for (const data::MicroBatch& loaded : part.micro_batches) {
    const data::MicroBatch micro_batch = padded(loaded, context.token_multiple);
    models::Batch batch;
    batch.tokens = to_device(micro_batch.tokens, context.device);
    batch.targets = to_device(micro_batch.targets, context.device);
    batch.positions = to_device(micro_batch.positions, context.device);
    batch.bounds = kernels::make_bounds(micro_batch.sequence_starts, context.device);
    batch.first_global_token = micro_batch.first_global_token;
    batch.step = part.step;
    batch.seed = context.seed;
    batch.loss_gradient_scale = context.loss_gradient_scale;
    batch.mode = context.mode;
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace baleen::trainer
