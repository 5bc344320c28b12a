#include "planner/model_summary.h"

#include <fmt/format.h>

#include "core/counted.h"
#include "models/llama_parameters.h"
#include "planner/memory.h"

namespace baleen::planner {
namespace {

std::string line(const char* label, const std::string& text) {
  return fmt::format("{:<12}{}\n", label, text);
}

/// 1234567 as "1,234,567"
std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string memory_size(std::int64_t bytes) {
  constexpr double kMebibyte = 1 << 20;
  const double mebibytes = static_cast<double>(bytes) / kMebibyte;
  return mebibytes < 1024 ? fmt::format("{:.1f} MiB", mebibytes) : fmt::format("{:.2f} GiB", mebibytes / 1024);
}

std::string parameters(const models::ParameterCounts& counts) {
  return fmt::format("{}: embedding {}, attention {}, MLP {}, norms {}, head {}", grouped(counts.total()),
                     grouped(counts.embedding), grouped(counts.attention), grouped(counts.mlp), grouped(counts.norms),
                     counts.head ? grouped(counts.head) : "tied");
}

/// Of the pipeline rank that holds most.
RankMemory largest_states(const Config& config, const parallel::ParallelDims& dims) {
  const PlannedStep step = plan_units(config, dims);
  RankMemory largest;
  for (int rank = 0; rank < dims.pipeline; ++rank) {
    const RankMemory memory = plan_states(step, rank);
    if (memory.states() > largest.states()) largest = memory;
  }
  return largest;
}

}  // namespace

std::string summarize(const Config& config, int ranks) {
  const models::ModelConfig& model = config.model;
  const trainer::TrainingConfig& training = config.training;
  const parallel::ParallelDims dims = config.dims(ranks);
  const RankMemory memory = largest_states(config, dims);
  const std::int64_t micro_batches = training.global_batch_size / (dims.data() * training.micro_batch_size);
  std::string text = line("run", fmt::format("{} in {}", config.run.name, config.run_dir().string()));
  text += line("mesh", fmt::format("{} ({})", dims.str(), core::counted(ranks, "rank")));
  text +=
      line("model", fmt::format("{}, {} layers, dim {}, {} heads, {} KV heads, FFN {}, vocabulary {}", model.family,
                                model.layers, model.dim, model.heads, model.kv_heads, model.ffn_dim, model.vocab_size));
  text += line("parameters", parameters(models::count_parameters(models::llama_units(model))));
  text += line("batch",
               fmt::format("{} tokens a step: {} of {}; {} of {} on each rank", grouped(training.tokens_per_step()),
                           core::counted(training.global_batch_size, "sequence"), training.sequence_length,
                           core::counted(micro_batches, "micro-batch", "micro-batches"), training.micro_batch_size));
  text += line("training", fmt::format("{} steps, {} tokens, computing in {}", grouped(training.steps),
                                       grouped(training.steps * training.tokens_per_step()), config.precision.compute));
  if (config.compute_dtype() == core::DType::f16)
    text += line("loss scale",
                 fmt::format("{} at first, at least {}", config.first_loss_scale(), config.precision.loss_scale_min));
  text +=
      line("memory",
           fmt::format("{} a rank, activations apart: weights beside the masters {}, masters {}, gradients {}, {} {}",
                       memory_size(memory.states()), memory_size(memory.values), memory_size(memory.masters),
                       memory_size(memory.gradients), config.optimizer.name, memory_size(memory.optimizer)));
  return text;
}

}  // namespace baleen::planner
