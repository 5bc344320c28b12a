#pragma once
// A run directory holds one history. Going on from an older step leaves a branch behind: its checkpoints are no part of
// the history any more, and must not come back by way of LATEST or of the fallback for a damaged one.

#include <cstdint>
#include <filesystem>
#include <vector>

namespace baleen::checkpoint {

/// LATEST names this step, durably.
void write_latest(const std::filesystem::path& run_dir, std::int64_t step);

/// Rank 0 of a run that was loaded from `step`, before it trains on: LATEST names that step, then every checkpoint
/// beyond it stands aside as step-*.abandoned-ID. From the first of these on, however it ends, no reader takes one
/// beyond `step` unless its path is given. Also gives back its name to a checkpoint whose replacement died half-way.
/// Returns the steps that stand aside since now, ascending. Throws Error(storage).
std::vector<std::int64_t> go_on_from(const std::filesystem::path& run_dir, std::int64_t step);

/// Rank 0, before it writes: a checkpoint that stepped aside for one that never took its name has it again; where the
/// newer one has it, the older is removed.
void settle_replaced(const std::filesystem::path& run_dir);

}  // namespace baleen::checkpoint
