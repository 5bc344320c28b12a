#pragma once
// From the loader's plain numbers to the tensors that the modules take.

#include "data/loader.h"
#include "models/batch.h"

namespace baleen::trainer {

/// Valid targets of a part of a batch: what the loss is divided by, summed over ranks.
std::int64_t count_targets(const data::GlobalBatchPart& part);

struct BatchContext {
  at::Device device = at::kCPU;
  models::Mode mode = models::Mode::train;
  std::uint64_t seed = 0;
  at::Tensor loss_gradient_scale;   // 0-dim fp64 on the device; undefined when not training
  std::int64_t token_multiple = 1;  // a last sequence of ignored tokens fills each micro-batch up to a multiple
};

/// Copies to the device without waiting for it.
std::vector<models::Batch> to_batches(const data::GlobalBatchPart& part, const BatchContext& context);

}  // namespace baleen::trainer
