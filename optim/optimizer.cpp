#include "optim/optimizer.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/error.h"
#include "kernels/flat_shard.h"
#include "optim/adamw.h"
#include "optim/sgd.h"

namespace baleen::optim {

std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const std::vector<parallel::Unit*>& units) {
  if (config.name == "adamw") {
    const kernels::AdamwOptions options{config.betas[0], config.betas[1], config.eps, config.weight_decay};
    return std::make_unique<AdamW>(options, units);
  }
  if (config.name == "sgd") {
    return std::make_unique<Sgd>(kernels::SgdOptions{config.momentum, config.weight_decay}, units);
  }
  throw core::Error(core::ExitCode::usage, fmt::format("optimizer.name = \"{}\" is not known", config.name),
                    "use adamw or sgd");
}

at::Tensor decay_blocks(const parallel::Unit& unit) {
  static_assert(kernels::kDecayBlock == parallel::kAlignment);
  const at::Tensor blocks = at::zeros({unit.layout().elements / kernels::kDecayBlock}, at::kByte);
  auto* flags = blocks.mutable_data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < unit.spec().parameters.size(); ++i) {
    const parallel::ParameterLayout& layout = unit.layout().parameters[i];
    const bool decayed = unit.spec().parameters[i].weight_decay;
    const std::int64_t first = layout.offset / kernels::kDecayBlock;
    const std::int64_t last = (layout.offset + layout.elements - 1) / kernels::kDecayBlock;
    // A block that two fused parameters share belongs to both.
    const bool shared = i > 0 && layout.offset % kernels::kDecayBlock != 0;
    core::require(!shared || unit.spec().parameters[i - 1].weight_decay == decayed,
                  "fused parameters are decayed alike");
    for (std::int64_t block = first; block <= last; ++block) flags[block] = decayed ? 1 : 0;
  }
  const at::Tensor held =
      blocks.narrow(0, unit.shard_begin() / kernels::kDecayBlock, unit.shard_elements() / kernels::kDecayBlock);
  return held.to(unit.master().device());
}

at::Tensor published_values(const parallel::Unit& unit) {
  at::Tensor values = unit.shard_values();
  return values.defined() && values.is_alias_of(unit.master()) ? at::Tensor() : values;
}

}  // namespace baleen::optim
