#include "trainer/legal_meshes.h"
#include "core/counted.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace baleen::trainer {
namespace {

using parallel::ParallelConfig;
using parallel::ParallelDims;

constexpr std::size_t kMostNamed = 3;

std::vector<int> divisors(int n) {
  std::vector<int> all;
  for (int d = 1; d <= n; ++d)
    if (n % d == 0) all.push_back(d);
  return all;
}

/// Doublings between what is asked for and what a mesh has; data_shard = -1 asks for nothing.
double distance(const ParallelConfig& asked, const ParallelDims& dims) {
  const auto doublings = [](int a, int b) { return std::abs(std::log2(static_cast<double>(a) / b)); };
  return doublings(asked.tensor, dims.tensor) + doublings(asked.pipeline, dims.pipeline) +
         doublings(asked.data_replicate, dims.data_replicate) +
         (asked.data_shard == -1 ? 0 : doublings(asked.data_shard, dims.data_shard));
}

std::vector<ParallelDims> legal_meshes(const Config& config, int ranks, const IsLegal& is_legal) {
  std::vector<ParallelDims> legal;
  for (const ParallelDims& dims : all_meshes(ranks))
    if (is_legal(over_mesh(config, dims), ranks)) legal.push_back(dims);
  std::stable_sort(legal.begin(), legal.end(), [&](const ParallelDims& a, const ParallelDims& b) {
    return distance(config.parallelism, a) < distance(config.parallelism, b);
  });
  return legal;
}

/// What has to be said for this mesh where `config` and the number of ranks stand.
std::string changes(const Config& config, const ParallelDims& dims) {
  return overrides(config.parallelism, over_mesh(config, dims).parallelism);
}

std::string written(const std::vector<int>& list) {
  return fmt::format("[{}]", fmt::join(list, ","));
}
template <class Value>
std::string written(const Value& value) {
  return fmt::format("{}", value);
}

/// Worlds looked at on either side: `check` answers at once, whatever is asked.
constexpr int kWorldsTried = 8;

/// "6 ranks (parallelism.pipeline=2)", or nothing.
std::string nearest_world(const Config& config, int from, int end, int step, const IsLegal& is_legal) {
  for (int ranks = from; ranks != end; ranks += step) {
    const std::vector<ParallelDims> legal = legal_meshes(config, ranks, is_legal);
    if (!legal.empty()) return fmt::format("{} ({})", core::counted(ranks, "rank"), changes(config, legal.front()));
  }
  return "";
}

}  // namespace

std::vector<ParallelDims> all_meshes(int ranks) {
  std::vector<ParallelDims> meshes;
  for (const int tensor : divisors(ranks)) {
    for (const int pipeline : divisors(ranks / tensor)) {
      const int data = ranks / tensor / pipeline;
      for (const int replicate : divisors(data)) {
        ParallelDims dims;
        dims.tensor = tensor;
        dims.pipeline = pipeline;
        dims.data_replicate = replicate;
        dims.data_shard = data / replicate;
        meshes.push_back(dims);
      }
    }
  }
  return meshes;
}

std::string overrides(const ParallelConfig& given, const ParallelConfig& wanted, const std::set<std::string>& said) {
  std::vector<std::string> words;
  const auto key = [&](const char* name, const auto& from, const auto& to, bool follows = false) {
    const std::string whole = std::string("parallelism.") + name;
    if ((from != to && !follows) || said.contains(whole)) words.push_back(whole + "=" + written(to));
  };
  key("tensor", given.tensor, wanted.tensor);
  key("pipeline", given.pipeline, wanted.pipeline);
  key("data_shard", given.data_shard, wanted.data_shard, /*follows=*/given.data_shard == -1);
  key("data_replicate", given.data_replicate, wanted.data_replicate);
  key("zero_stage", given.zero_stage, wanted.zero_stage);
  key("regather", given.regather, wanted.regather);
  key("sequence_parallel", given.sequence_parallel, wanted.sequence_parallel);
  key("schedule", given.schedule, wanted.schedule);
  key("virtual_stages", given.virtual_stages, wanted.virtual_stages);
  key("stage_layers", given.stage_layers, wanted.stage_layers);
  return words.empty() ? "as configured" : fmt::format("{}", fmt::join(words, " "));
}

Config over_mesh(const Config& config, const ParallelDims& dims) {
  Config over = config;
  ParallelConfig& parallelism = over.parallelism;
  parallelism.tensor = dims.tensor;
  parallelism.pipeline = dims.pipeline;
  parallelism.data_shard = dims.data_shard;
  parallelism.data_replicate = dims.data_replicate;
  const int stages = parallelism.pipeline * parallelism.virtual_stages;
  if (parallelism.stage_layers.size() != static_cast<std::size_t>(stages)) parallelism.stage_layers.clear();
  return over;
}

std::string nearest_mesh(const Config& config, int ranks, const IsLegal& is_legal) {
  const std::vector<ParallelDims> legal = legal_meshes(config, ranks, is_legal);
  return legal.empty() ? "" : changes(config, legal.front());
}

std::string nearest_legal(const Config& config, int ranks, const IsLegal& is_legal) {
  const std::vector<ParallelDims> legal = legal_meshes(config, ranks, is_legal);
  std::vector<std::string> named;
  for (std::size_t i = 0; i < std::min(legal.size(), kMostNamed); ++i) named.push_back(changes(config, legal[i]));
  if (!named.empty()) return fmt::format("nearest legal: {}", fmt::join(named, ", or "));

  const int least = std::max(0, ranks - kWorldsTried), most = ranks + kWorldsTried;
  for (const std::string& world :
       {nearest_world(config, ranks - 1, least, -1, is_legal), nearest_world(config, ranks + 1, most + 1, 1, is_legal)})
    if (!world.empty()) named.push_back(world);
  if (named.empty()) return "";  // something else is wrong
  return fmt::format("no mesh of {} is legal; nearest: {}", core::counted(ranks, "rank"), fmt::join(named, ", or "));
}

}  // namespace baleen::trainer
