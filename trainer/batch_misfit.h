#pragma once
// A batch that does not make whole micro-batches on all data ranks, and what would. Arithmetic only.

#include <optional>
#include <string>

#include "trainer/config.h"

namespace baleen::trainer {

constexpr std::int64_t kMostMicroBatches = 65536;  // of a data rank: schedules are lists of them

/// With the arithmetic and the nearest that fit: sequences for this mesh, numbers of ranks for these sequences, and
/// `other_mesh` of as many ranks, as overrides, where there is one. Without a mesh: sequences that some mesh takes.
std::string batch_misfit(const Config& config, const std::optional<parallel::ParallelDims>& mesh,
                         const std::string& other_mesh);

}  // namespace baleen::trainer
