// Which settings can have no effect beside the others.

#include <fmt/format.h>

#include <initializer_list>
#include <set>

#include "core/error.h"
#include "trainer/config.h"
#include "trainer/execution_plan.h"

namespace baleen::trainer {
namespace {

class IdleSettings {
 public:
  explicit IdleSettings(Config config) : config_(std::move(config)) {}

  /// The keys do nothing, unless they have the value that they have by default.
  void where(bool idle, std::initializer_list<const char*> keys, const char* because) {
    for (const char* key : keys) {
      const std::string value = written(config_, key);
      if (!idle || value == written(defaults_, key) || !told_.insert(key).second) continue;
      warnings_.push_back(fmt::format("{} = {} has no effect: {}", key, value, because));
    }
  }
  std::vector<std::string> warnings() && { return std::move(warnings_); }

 private:
  static std::string written(Config& config, const std::string& key) {
    const std::size_t dot = key.find('.');
    const core::SectionTables::Entry* section = config_schema().find(key.substr(0, dot));
    const core::Field* field = section == nullptr ? nullptr : section->table.find(key.substr(dot + 1));
    core::require(field != nullptr, "settings are named as the configuration does");
    return field->write(section->member(&config));
  }

  Config config_, defaults_;
  std::set<std::string> told_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> idle_settings(const Config& config, int ranks) {
  const parallel::ParallelDims dims = config.dims(ranks);
  IdleSettings idle(config);
  idle.where(!communicates(dims.data_shard), {"precision.gradient_wire"},
             "gradients travel so between the ranks of parallelism.data_shard, which is 1");
  idle.where(!communicates(dims.data_shard) && communicates(dims.data_replicate), {"parallelism.zero_stage"},
             "replicas hold the whole, and parallelism.data_shard, which ZeRO cuts over, is 1");
  idle.where(config.parallelism.zero_stage != 3, {"parallelism.regather"},
             "weights are gathered where parallelism.zero_stage is 3");
  idle.where(!communicates(dims.tensor), {"parallelism.sequence_parallel"},
             "tokens are split over the ranks of parallelism.tensor, which is 1");
  idle.where(!communicates(dims.pipeline),
             {"parallelism.schedule", "parallelism.virtual_stages", "parallelism.stage_layers"},
             "one rank has all layers, parallelism.pipeline is 1");
  idle.where(config.precision.compute != "fp16",
             {"precision.loss_scale_init", "precision.loss_scale_growth_interval", "precision.loss_scale_hysteresis",
              "precision.loss_scale_min"},
             "the loss is scaled where precision.compute is \"fp16\"");
  idle.where(config.precision.compute == "fp16", {"numerics.max_bad_steps"},
             "with precision.compute \"fp16\" a run stops when steps are still skipped at precision.loss_scale_min");
  using models::RopeScaling;
  idle.where(config.model.rope_scaling == RopeScaling::none, {"model.rope_factor"},
             "model.rope_scaling \"none\" stretches nothing");
  idle.where(config.model.rope_scaling != RopeScaling::llama3,
             {"model.rope_low_freq_factor", "model.rope_high_freq_factor", "model.rope_original_max_positions"},
             "it is of model.rope_scaling \"llama3\"");
  idle.where(!config.precision.fp8(), {"precision.fp8_recipe", "precision.fp8_smallest"},
             "it is of precision.compute \"fp8\"");
  if (config.precision.fp8()) {
    const std::int64_t tokens = config.training.micro_batch_size * config.training.sequence_length;
    idle.where(!models::fp8_linears(config.model, dims.tensor, config.precision.fp8_smallest).any(),
               {"precision.compute"},
               "linear layers with fewer features on a rank than precision.fp8_smallest, or not a multiple of 16 of "
               "them, compute in BF16, and these are all");
    idle.where(tokens % models::kFp8Multiple != 0, {"precision.compute"},
               "linear layers compute in BF16 where the tokens of a micro-batch are no multiple of 16");
  }
  idle.where(config.data.validation.empty(), {"training.validation_sequences"}, "data.validation names no dataset");
  idle.where(config.optimizer.name != "sgd", {"optimizer.momentum"}, "it is of optimizer.name \"sgd\"");
  idle.where(config.optimizer.name != "adamw", {"optimizer.betas", "optimizer.eps"},
             "it is of optimizer.name \"adamw\"");
  idle.where(config.lr_scheduler.name == "constant", {"lr_scheduler.decay_steps", "lr_scheduler.min_lr_ratio"},
             "lr_scheduler.name \"constant\" has no decay");
  return std::move(idle).warnings();
}

}  // namespace baleen::trainer
