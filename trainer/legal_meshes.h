#pragma once
// The meshes that a number of ranks can form. Arithmetic only.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace baleen::trainer {

/// Every tensor x pipeline x data_shard x data_replicate that makes `ranks`.
std::vector<parallel::ParallelDims> all_meshes(int ranks);

/// `config` over another mesh. A list of stage_layers that is of another length gives way to the split by cost.
Config over_mesh(const Config& config, const parallel::ParallelDims& dims);

/// The overrides that make `wanted`, its degrees in full, of `given`, as words of a command line; "as configured" where
/// there are none. Those of the keys `said` ("parallelism.tensor") are among them in any case.
std::string overrides(const parallel::ParallelConfig& given, const parallel::ParallelConfig& wanted,
                      const std::set<std::string>& said = {});

/// Whether a configuration, with its degrees given in full, can be run over so many ranks.
using IsLegal = std::function<bool(const Config& config, int ranks)>;

/// The nearest of `ranks`, "parallelism.pipeline=2", as overrides of what `config` says; empty where none is legal.
std::string nearest_mesh(const Config& config, int ranks, const IsLegal& is_legal);

/// For the end of a message: "nearest legal: parallelism.pipeline=2, or ...", up to three, as overrides of what
/// `config` says. Near: few doublings of a degree away. Where no mesh of `ranks` is legal, the nearest numbers of ranks
/// that have one. Empty where none of up to eight ranks more or fewer has.
std::string nearest_legal(const Config& config, int ranks, const IsLegal& is_legal);

}  // namespace baleen::trainer
