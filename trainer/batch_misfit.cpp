#include "trainer/batch_misfit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "core/counted.h"

namespace baleen::trainer {
namespace {

/// "training.global_batch_size=12 or 24": the multiples next below and above, of up to `most` portions.
std::vector<std::string> sequences_that_fit(std::int64_t sequences, std::int64_t portion, std::int64_t most) {
  most = std::min(most, kMostSequences / portion);
  const std::int64_t below = std::min(sequences / portion, most);
  std::vector<std::int64_t> named;
  if (below > 0) named.push_back(below * portion);
  if (below < most) named.push_back((below + 1) * portion);
  if (named.empty()) return {};
  return {fmt::format("training.global_batch_size={}", fmt::join(named, " or "))};
}

/// Up to two numbers of ranks, fewer and more, where all degrees but data_shard stay.
std::vector<std::string> ranks_that_fit(const Config& config, const parallel::ParallelDims& mesh) {
  const std::int64_t portion = mesh.data_replicate * config.training.micro_batch_size;
  if (config.training.global_batch_size % portion != 0) return {};
  const std::int64_t portions = config.training.global_batch_size / portion, rest = mesh.world() / mesh.data_shard;
  const std::int64_t least = (portions + kMostMicroBatches - 1) / kMostMicroBatches;
  const std::int64_t most = std::min(portions, parallel::kMostRanks / rest);
  std::int64_t fewer = std::min<std::int64_t>(mesh.data_shard - 1, most);
  std::int64_t more = std::max<std::int64_t>(mesh.data_shard + 1, least);
  while (fewer >= least && portions % fewer != 0) --fewer;
  while (more <= most && portions % more != 0) ++more;
  std::vector<std::string> named;
  for (const std::int64_t shards : {fewer, more}) {
    if (shards < least || shards > most) continue;
    named.push_back(core::counted(shards * rest, "rank"));
    if (config.parallelism.data_shard != -1) named.back() += fmt::format(" (parallelism.data_shard={})", shards);
  }
  return named;
}

}  // namespace

std::string batch_misfit(const Config& config, const std::optional<parallel::ParallelDims>& mesh,
                         const std::string& other_mesh) {
  const TrainingConfig& training = config.training;
  const std::int64_t portion = (mesh ? mesh->data() : 1) * training.micro_batch_size;
  std::vector<std::string> fits =
      sequences_that_fit(training.global_batch_size, portion, mesh ? kMostMicroBatches : kMostSequences);
  if (mesh) std::ranges::copy(ranks_that_fit(config, *mesh), std::back_inserter(fits));
  if (!other_mesh.empty()) fits.push_back(other_mesh);
  const std::string of = mesh ? core::counted(mesh->data(), "data rank") + " x " : "";
  const std::string product = mesh ? fmt::format(" = {}", portion) : "";
  return fmt::format("training.global_batch_size ({}) is not a multiple of {}training.micro_batch_size ({}){}{}{}",
                     training.global_batch_size, of, training.micro_batch_size, product,
                     fits.empty() ? "" : "; the nearest that fit: ", fmt::join(fits, ", or "));
}

}  // namespace baleen::trainer
