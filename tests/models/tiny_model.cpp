#include "tests/models/tiny_model.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>

namespace baleen::tests {
namespace {

/// The flat buffer's part that belongs to a parameter, without padding rows.
at::Tensor true_part(const at::Tensor& flat, const parallel::Parameter& parameter) {
  const parallel::ParameterLayout& layout = *parameter.layout;
  return flat.narrow(0, layout.offset, layout.elements)
      .view(layout.local_shape)
      .narrow(0, 0, parameter.spec->shape.front());
}

NamedTensors by_name(const models::TransformerStage& stage, const at::Tensor& (parallel::Unit::*buffer)() const) {
  NamedTensors named;
  for (const parallel::Unit* unit : stage.trained_units()) {
    for (const parallel::Parameter& parameter : unit->parameters()) {
      named[parameter.spec->name] = true_part((unit->*buffer)(), parameter).to(at::kCPU, false, true);
    }
  }
  return named;
}

}  // namespace

models::ModelConfig tiny_config() {
  models::ModelConfig config;
  config.layers = 2;
  config.dim = 24;
  config.heads = 4;
  config.kv_heads = 2;
  config.ffn_dim = 40;
  config.vocab_size = 37;
  config.max_sequence_length = 32;
  return config;
}

ReferenceBatch random_tokens(const models::ModelConfig& config, const std::vector<std::int32_t>& lengths, int seed) {
  ReferenceBatch batch;
  batch.starts = {0};
  std::vector<at::Tensor> positions;
  for (const std::int32_t length : lengths) {
    batch.starts.push_back(batch.starts.back() + length);
    positions.push_back(at::arange(length, at::kLong));
  }
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed));
  const std::int64_t tokens = batch.starts.back();
  batch.positions = at::cat(positions);
  batch.tokens = at::randint(0, config.vocab_size, {tokens}, generator, at::kLong);
  batch.targets = at::randint(0, config.vocab_size, {tokens}, generator, at::kLong);
  for (std::int64_t ignored = 3; ignored < tokens; ignored += 5) {
    batch.targets.select(0, ignored).fill_(models::kIgnoreIndex);
  }
  return batch;
}

models::Batch to_batch(const ReferenceBatch& tokens, double scale, at::Device device) {
  models::Batch batch;
  batch.tokens = tokens.tokens.to(device);
  batch.targets = tokens.targets.to(device);
  batch.positions = tokens.positions.to(device);
  batch.bounds = kernels::make_bounds(tokens.starts, device);
  batch.loss_gradient_scale = at::scalar_tensor(scale, at::kDouble).to(device);
  return batch;
}

OneRank::OneRank() : self_(parallel::make_self_communicator()) {
  mesh_ = std::make_unique<parallel::Mesh>(parallel::ParallelDims{}, *self_, parallel::device_communicators(at::kCPU));
}

parallel::UnitOptions unit_options(at::ScalarType compute, at::Device device) {
  parallel::UnitOptions options;
  options.compute = compute;
  options.master = compute == at::kDouble ? at::kDouble : at::kFloat;
  options.device = device;
  return options;
}

void set_masters(models::TransformerStage& stage,
                 const std::function<at::Tensor(const parallel::ParameterSpec&)>& make) {
  for (const parallel::Unit* unit : stage.trained_units()) {
    for (const parallel::Parameter& parameter : unit->parameters()) {
      true_part(unit->master(), parameter).copy_(make(*parameter.spec));
    }
  }
  stage.round_masters();
}

void randomize(models::TransformerStage& stage, int seed) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(seed));
  set_masters(stage, [&](const parallel::ParameterSpec& spec) {
    const double center = spec.init.kind == parallel::Initializer::Kind::ones ? 1.0 : 0.0;
    return at::randn(spec.shape, generator, at::kDouble) * 0.2 + center;
  });
}

NamedTensors master_values(const models::TransformerStage& stage) {
  return by_name(stage, &parallel::Unit::master);
}

NamedTensors gradients(const models::TransformerStage& stage) {
  return by_name(stage, &parallel::Unit::gradient);
}

double train_step(models::TransformerStage& stage, const std::vector<models::Batch>& batches) {
  OneRank rank;
  stage.zero_gradients();
  stage.reset_loss();
  stage.set_batches(batches);
  const auto schedule = parallel::build_schedule("1f1b", {.micro_batches = static_cast<int>(batches.size())});
  parallel::execute(parallel::lower(schedule, 0, stage.traits(), {}), stage, rank.mesh());
  stage.finish_gradients(rank.mesh());
  return stage.loss().item<double>();
}

double evaluate(models::TransformerStage& stage, const models::Batch& batch) {
  OneRank rank;
  models::Batch evaluated = batch;
  evaluated.mode = models::Mode::evaluate;
  stage.reset_loss();
  stage.set_batches({evaluated});
  parallel::execute(parallel::lower(parallel::forward_schedule({}), 0, stage.traits(), {}), stage, rank.mesh());
  return stage.loss().item<double>();
}

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor difference = actual.to(at::kDouble) - expected.to(at::kDouble);
  return difference.abs().max().item<double>() / expected.to(at::kDouble).abs().max().item<double>();
}

}  // namespace baleen::tests
