// The model over the tensor axis against one rank in FP64: loss, every gradient, initial values, logits.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <mutex>

#include "models/llama_parameters.h"
#include "parallel/thread_communicator.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

using models::Recompute;
using models::TransformerStage;
using Kind = parallel::TensorPlacement::Kind;

struct Case {
  int degree;
  bool sequence_parallel;
  std::int64_t kv_heads;
  bool tied;
  Recompute recompute;
};

/// Everything that can be on: some ranks have a part of the vocabulary that ends in padding, or is nothing else.
models::ModelConfig config_of(const Case& c) {
  models::ModelConfig config = tiny_config();
  config.kv_heads = c.kv_heads;
  config.vocab_size = 300;
  config.qkv_bias = config.qk_norm = true;
  config.tie_embeddings = c.tied;
  config.dropout = 0.2;
  return config;
}

models::ModuleOptions options_of(const Case& c, const parallel::TensorRegion& region) {
  models::ModuleOptions options;
  options.recompute = c.recompute;
  options.z_loss = 1e-2;
  options.loss_chunk_elements = 5 * 256;
  options.region = region;
  return options;
}

/// Two micro-batches of odd lengths, each filled up to a multiple with a sequence of ignored tokens.
std::vector<models::Batch> batches_of(const models::ModelConfig& config, std::int64_t multiple) {
  std::vector<models::Batch> batches;
  std::int64_t first = 0;
  for (const std::vector<std::int32_t>& lengths : {std::vector<std::int32_t>{5, 6, 2}, {7, 4}}) {
    ReferenceBatch tokens = random_tokens(config, lengths, static_cast<int>(lengths.size()));
    const std::int64_t count = tokens.starts.back(), extra = (multiple - count % multiple) % multiple;
    if (extra > 0) {
      tokens.tokens = at::cat({tokens.tokens, at::full({extra}, 7, at::kLong)});
      tokens.targets = at::cat({tokens.targets, at::full({extra}, models::kIgnoreIndex, at::kLong)});
      tokens.positions = at::cat({tokens.positions, at::arange(extra, at::kLong)});
      tokens.starts.push_back(static_cast<std::int32_t>(count + extra));
    }
    batches.push_back(to_batch(tokens, 0.37));
    batches.back().first_global_token = first;
    first += count;
  }
  return batches;
}

/// A rank's part of a parameter, padding rows included, cut from the whole.
at::Tensor local_part(const at::Tensor& whole, const parallel::ParameterLayout& layout) {
  at::Tensor part = at::zeros(layout.local_shape, whole.options());
  const std::int64_t rows = std::clamp<std::int64_t>(whole.size(0) - layout.first_row, 0, part.size(0));
  at::Tensor from = whole.narrow(0, std::min(layout.first_row, whole.size(0)), rows);
  if (whole.dim() > 1) from = from.narrow(1, layout.first_column, part.size(1));
  part.narrow(0, 0, rows).copy_(from);
  return part;
}

struct Outcome {
  double loss = 0, validation = 0;
  NamedTensors gradients;  // of the local shapes
};

Outcome train(TransformerStage& stage, parallel::Mesh& mesh, const std::vector<models::Batch>& batches) {
  Outcome outcome;
  outcome.validation = evaluate(stage, batches.front());
  stage.zero_gradients();
  stage.reset_loss();
  stage.set_batches(batches);
  const auto schedule = parallel::build_schedule("1f1b", {.micro_batches = static_cast<int>(batches.size())});
  parallel::execute(parallel::lower(schedule, 0, stage.traits(), {}), stage, mesh);
  stage.finish_gradients(mesh);
  outcome.loss = stage.loss().item<double>();
  EXPECT_EQ(stage.saved_bytes(), 0);
  return outcome;
}

NamedTensors local(const TransformerStage& stage, const at::Tensor& (parallel::Unit::*buffer)() const) {
  NamedTensors named;
  for (const parallel::Unit* unit : stage.trained_units())
    for (const parallel::Parameter& parameter : unit->parameters()) {
      const parallel::ParameterLayout& at = *parameter.layout;
      named[parameter.spec->name] = (unit->*buffer)().narrow(0, at.offset, at.elements).view(at.local_shape).clone();
    }
  return named;
}

/// Runs rank(stage, mesh) on threads that are the tensor axis.
void on_ranks(const Case& c, const std::function<void(TransformerStage&, parallel::Mesh&)>& rank) {
  const models::ModelConfig config = config_of(c);
  parallel::run_threads(c.degree, [&](parallel::Communicator& world) {
    parallel::ParallelDims dims;
    dims.tensor = c.degree;
    parallel::MeshOptions options;
    options.tensor_groups = static_cast<int>(c.kv_heads);
    parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), options);
    parallel::UnitOptions units = unit_options(at::kDouble);
    units.tensor_degree = c.degree;
    units.tensor_rank = mesh.coordinates().tensor;
    TransformerStage stage(config, units, options_of(c, {mesh.tensor(), c.sequence_parallel}));
    rank(stage, mesh);
  });
}

void set_from_whole(TransformerStage& stage, const NamedTensors& whole) {
  for (const parallel::Unit* unit : stage.trained_units())
    for (const parallel::Parameter& parameter : unit->parameters()) {
      const parallel::ParameterLayout& at = *parameter.layout;
      unit->master()
          .narrow(0, at.offset, at.elements)
          .view(at.local_shape)
          .copy_(local_part(whole.at(parameter.spec->name), at));
    }
  stage.round_masters();
}

std::vector<parallel::ParameterSpec> parameters_of(const Case& c) {
  std::vector<parallel::ParameterSpec> parameters;
  for (const parallel::UnitSpec& unit : models::llama_units(config_of(c), c.sequence_parallel))
    for (const parallel::ParameterSpec& parameter : unit.parameters)
      if (parameter.tied_to.empty()) parameters.push_back(parameter);
  return parameters;
}

parallel::ParameterLayout layout_of(const parallel::ParameterSpec& parameter, int degree, int rank) {
  parallel::ParameterSpec alone = parameter;
  alone.fused_with_previous = false;
  return parallel::layout_unit({"", {alone}}, degree, rank, 1).parameters.front();
}

/// Each rank's part against that of the whole, and equal bits where ranks hold the same part.
void expect_parts(const Case& c, const std::vector<NamedTensors>& ranks, const NamedTensors& whole, double tolerance) {
  for (const parallel::ParameterSpec& parameter : parameters_of(c)) {
    SCOPED_TRACE(parameter.name);
    const at::Tensor& expected = whole.at(parameter.name);
    const double largest = expected.abs().max().item<double>();
    std::map<std::pair<std::int64_t, std::int64_t>, at::Tensor> holders;
    for (int rank = 0; rank < c.degree; ++rank) {
      const parallel::ParameterLayout layout = layout_of(parameter, c.degree, rank);
      const at::Tensor& actual = ranks[static_cast<std::size_t>(rank)].at(parameter.name);
      EXPECT_LE((actual - local_part(expected, layout)).abs().max().item<double>(), tolerance * largest) << rank;
      const auto [first, is_new] = holders.emplace(std::pair(layout.first_row, layout.first_column), actual);
      EXPECT_TRUE(is_new || at::equal(first->second, actual)) << "other bits on rank " << rank;
    }
  }
}

class TensorParallel : public testing::TestWithParam<Case> {};

TEST_P(TensorParallel, LossAndGradientsEqualOneRank) {
  const Case c = GetParam();
  const models::ModelConfig config = config_of(c);
  TransformerStage whole(config, unit_options(at::kDouble), options_of(c, {}));
  randomize(whole, 1);
  const NamedTensors masters = master_values(whole);
  OneRank one;
  const Outcome expected = train(whole, one.mesh(), batches_of(config, 1));

  std::mutex mutex;
  std::vector<Outcome> outcomes(static_cast<std::size_t>(c.degree));
  on_ranks(c, [&](TransformerStage& stage, parallel::Mesh& mesh) {
    set_from_whole(stage, masters);
    Outcome outcome = train(stage, mesh, batches_of(config, c.sequence_parallel ? c.degree : 1));
    outcome.gradients = local(stage, &parallel::Unit::gradient);
    const std::lock_guard lock(mutex);
    outcomes[static_cast<std::size_t>(mesh.tensor().rank())] = std::move(outcome);
  });

  std::vector<NamedTensors> ranks;
  for (Outcome& outcome : outcomes) {
    EXPECT_NEAR(outcome.loss, expected.loss, 1e-12 * expected.loss);
    EXPECT_NEAR(outcome.validation, expected.validation, 1e-12 * expected.validation);
    EXPECT_EQ(outcome.loss, outcomes.front().loss);
    ranks.push_back(std::move(outcome.gradients));
  }
  expect_parts(c, ranks, gradients(whole), 1e-12);
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const int degree : {2, 4})
    for (const bool sequence_parallel : {false, true})
      for (const std::int64_t kv_heads : {1, 2, 4})
        for (const bool tied : {false, true})
          for (const Recompute recompute : {Recompute::none, Recompute::elementwise, Recompute::mlp, Recompute::block})
            cases.push_back({degree, sequence_parallel, kv_heads, tied, recompute});
  return cases;
}

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return std::string("t") + std::to_string(c.degree) + (c.sequence_parallel ? "_sequence" : "") + "_kv" +
         std::to_string(c.kv_heads) + (c.tied ? "_tied" : "") +
         std::array{"", "_elementwise", "_mlp", "_block"}[static_cast<std::size_t>(c.recompute)];
}

INSTANTIATE_TEST_SUITE_P(Layouts, TensorParallel, testing::ValuesIn(cases()), name_of);

TEST(TensorParallelModel, StartsFromTheSameValues) {
  for (const Case& c : {Case{2, false, 4, false, Recompute::none}, {4, true, 2, true, Recompute::none}}) {
    TransformerStage whole(config_of(c), unit_options(at::kDouble), {});
    whole.initialize(5);
    std::mutex mutex;
    std::vector<NamedTensors> ranks(static_cast<std::size_t>(c.degree));
    on_ranks(c, [&](TransformerStage& stage, parallel::Mesh& mesh) {
      stage.initialize(5);
      const std::lock_guard lock(mutex);
      ranks[static_cast<std::size_t>(mesh.tensor().rank())] = local(stage, &parallel::Unit::master);
    });
    expect_parts(c, ranks, master_values(whole), 0.0);
  }
}

TEST(TensorParallelModel, EveryRankHasTheLogitsOfTheWholeVocabulary) {
  const Case c{4, false, 2, false, Recompute::none};
  const models::ModelConfig config = config_of(c);
  TransformerStage whole(config, unit_options(at::kDouble), {});
  randomize(whole, 1);
  const NamedTensors masters = master_values(whole);
  const models::Batch batch = batches_of(config, 1).front();
  const at::Tensor expected = whole.logits(batch, TransformerStage::Rows::last);
  std::mutex mutex;
  on_ranks(c, [&](TransformerStage& stage, parallel::Mesh&) {
    set_from_whole(stage, masters);
    const at::Tensor logits = stage.logits(batch, TransformerStage::Rows::last);
    const std::lock_guard lock(mutex);
    ASSERT_EQ(logits.sizes(), expected.sizes());
    EXPECT_LT(relative_error(logits, expected), 1e-12);
  });
}

}  // namespace
}  // namespace baleen::tests
