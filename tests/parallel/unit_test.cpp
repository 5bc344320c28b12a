#include "parallel/unit.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

ParameterSpec parameter(const std::string& name, std::vector<std::int64_t> shape, TensorPlacement tensor = {},
                        bool fused = false) {
  ParameterSpec spec;
  spec.name = "model.layers.0." + name;
  spec.shape = std::move(shape);
  spec.tensor = tensor;
  spec.fused_with_previous = fused;
  return spec;
}

/// q, k, v fused, an output split along columns, a norm of ones, a bias of zeros, a padded table.
UnitSpec block() {
  const TensorPlacement rows{TensorPlacement::Kind::split, 0, 0}, columns{TensorPlacement::Kind::split, 1, 0};
  UnitSpec spec{"layer.0",
                {parameter("attn.q_proj.weight", {8, 5}, rows), parameter("attn.k_proj.weight", {4, 5}, rows, true),
                 parameter("attn.v_proj.weight", {4, 5}, rows, true), parameter("attn.o_proj.weight", {5, 8}, columns),
                 parameter("norm.weight", {5}), parameter("attn.o_proj.bias", {5}), parameter("table", {10, 5}, rows)}};
  spec.parameters[4].init.kind = Initializer::Kind::ones;
  spec.parameters[5].init.kind = Initializer::Kind::zeros;
  spec.parameters[6].row_multiple = 3;
  return spec;
}

Unit make_unit(const UnitOptions& options = {}) {
  return Unit(block(), options);
}

TEST(Unit, ParametersAreViewsOfItsBuffers) {
  const Unit unit = make_unit();
  EXPECT_EQ(unit.parameters().size(), 7U);
  EXPECT_TRUE(unit.values().is_alias_of(unit.master()));
  EXPECT_EQ(unit.bytes().values, 0);
  for (const Parameter& p : unit.parameters()) {
    EXPECT_EQ(p.value.sizes().vec(), p.layout->local_shape);
    EXPECT_EQ(p.value.data_ptr<float>(), unit.values().data_ptr<float>() + p.layout->offset);
    EXPECT_EQ(p.grad.data_ptr<float>(), unit.gradient().data_ptr<float>() + p.layout->offset);
  }
}

TEST(Unit, FindsParametersByTheEndOfTheirName) {
  const Unit unit = make_unit();
  EXPECT_EQ(unit.parameter("q_proj.weight").spec->name, "model.layers.0.attn.q_proj.weight");
  EXPECT_EQ(unit.parameter("model.layers.0.table").spec->shape[0], 10);
  EXPECT_THROW(unit.parameter("able"), core::Error);    // not at a dot
  EXPECT_THROW(unit.parameter("weight"), core::Error);  // several
  EXPECT_THROW(unit.parameter("missing"), core::Error);
}

TEST(Unit, FusedParametersReadAsOneMatrix) {
  Unit unit = make_unit();
  unit.initialize(3);
  const FusedParameters qkv = unit.fused({"q_proj.weight", "k_proj.weight", "v_proj.weight"});
  ASSERT_EQ(qkv.value().sizes(), (std::vector<std::int64_t>{16, 5}));
  EXPECT_TRUE(
      at::equal(qkv.value(), at::cat({unit.parameter("q_proj.weight").value, unit.parameter("k_proj.weight").value,
                                      unit.parameter("v_proj.weight").value})));
  qkv.grad().fill_(2);
  EXPECT_EQ(unit.parameter("v_proj.weight").grad.sum().item<float>(), 40);
  EXPECT_EQ(unit.gradient().sum().item<float>(), 160);  // nothing beside them
  const FusedParameters bias = unit.fused({"o_proj.bias"});
  EXPECT_EQ(bias.value().sizes(), (std::vector<std::int64_t>{5}));
  EXPECT_THROW(unit.fused({"q_proj.weight", "v_proj.weight"}), core::Error);  // k between
  EXPECT_THROW(unit.fused({"v_proj.weight", "o_proj.weight"}), core::Error);  // other row length
  EXPECT_THROW(unit.fused({"norm.weight", "o_proj.bias"}), core::Error);      // a gap
}

TEST(Unit, GradientBetaFollowsTheMicroBatches) {
  Unit unit = make_unit();
  const Parameter& norm = unit.parameter("norm.weight");
  EXPECT_EQ(*norm.gradient_beta, 0);
  unit.end_gradient();
  EXPECT_EQ(*norm.gradient_beta, 1);
  EXPECT_EQ(unit.fused({"norm.weight"}).gradient_beta(), 1);
  unit.zero_gradients();
  EXPECT_EQ(*norm.gradient_beta, 0);
}

TEST(Unit, InitializesAsSpecified) {
  Unit unit = make_unit();
  unit.initialize(7);
  EXPECT_EQ(unit.parameter("norm.weight").value.sum().item<float>(), 5);
  EXPECT_EQ(unit.parameter("o_proj.bias").value.abs().sum().item<float>(), 0);
  const at::Tensor& table = unit.parameter("table").value;
  EXPECT_GT(table.narrow(0, 0, 10).abs().min().item<float>(), 0);
  EXPECT_EQ(table.narrow(0, 10, 2).abs().max().item<float>(), 0);

  const at::Tensor first = unit.master().clone();
  unit.master().fill_(9);
  unit.initialize(7);
  EXPECT_TRUE(at::equal(unit.master(), first));
  unit.initialize(8);
  EXPECT_FALSE(at::equal(unit.master(), first));
}

TEST(Unit, InitialValuesHaveTheStandardDeviation) {
  ParameterSpec big = parameter("big", {200, 300});
  big.init.std = 0.5;
  const UnitSpec spec{"big", {big}};
  Unit unit(spec, {});
  unit.initialize(1);
  const at::Tensor& value = unit.parameter("big").value;
  EXPECT_NEAR(value.std().item<float>(), 0.5, 0.005);
  EXPECT_NEAR(value.mean().item<float>(), 0, 0.01);
}

TEST(Unit, InitializationDoesNotDependOnTheLayout) {
  Unit whole = make_unit();
  whole.initialize(11);
  for (const int degree : {2, 4}) {
    std::vector<std::unique_ptr<Unit>> parts;
    for (int rank = 0; rank < degree; ++rank) {
      parts.push_back(std::make_unique<Unit>(block(), UnitOptions{.tensor_degree = degree, .tensor_rank = rank}));
      parts.back()->initialize(11);
    }
    for (std::size_t p = 0; p < whole.parameters().size(); ++p) {
      const Parameter& expected = whole.parameters()[p];
      if (expected.spec->tensor.kind != TensorPlacement::Kind::split) continue;
      std::vector<at::Tensor> values;
      for (const auto& part : parts) values.push_back(part->parameters()[p].value);
      EXPECT_TRUE(at::equal(at::cat(values, expected.spec->tensor.dim), expected.value)) << expected.spec->name;
    }
  }
}

TEST(Unit, ATiedParameterStartsAsTheOneItSharesItsValueWith) {
  UnitSpec embedding{"embedding", {parameter("table", {6, 5})}}, head{"head", {parameter("lm_head", {6, 5})}};
  head.parameters[0].tied_to = embedding.parameters[0].name;
  Unit a(embedding, {}), b(head, {});
  a.initialize(1);
  b.initialize(1);
  EXPECT_TRUE(at::equal(a.parameter("table").value, b.parameter("lm_head").value));
}

TEST(Unit, PublishRoundsMastersIntoValues) {
  Unit unit = make_unit({.compute = at::kBFloat16, .master = at::kFloat, .device = at::kCPU});
  unit.initialize(5);
  EXPECT_EQ(unit.values().scalar_type(), at::kBFloat16);
  EXPECT_EQ(unit.gradient().scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(unit.values(), unit.master().to(at::kBFloat16)));
  unit.master().fill_(1.0 / 3);
  EXPECT_FALSE(at::equal(unit.values(), unit.master().to(at::kBFloat16)));
  unit.round_masters();
  EXPECT_TRUE(at::equal(unit.values(), unit.master().to(at::kBFloat16)));
  EXPECT_EQ(unit.parameter("norm.weight").value.to(at::kFloat)[0].item<float>(), 0.333984375F);
}

TEST(Unit, ReduceSumsTheGradientOverTheRanks) {
  run_threads(3, [](Communicator& data) {
    Unit unit = make_unit();
    unit.finish_reduction();  // nothing to wait for
    for (int step = 0; step < 2; ++step) {
      unit.gradient().copy_(at::arange(unit.layout().elements, at::kFloat).mul(data.rank() + 1));
      unit.reduce(data);
      unit.finish_reduction();
      EXPECT_TRUE(at::equal(unit.gradient(), at::arange(unit.layout().elements, at::kFloat).mul(6)));
    }
    const std::unique_ptr<Communicator> alone = make_self_communicator();
    unit.reduce(*alone);
    EXPECT_THROW(unit.reduce(*alone), core::Error);  // twice in a step
  });
}

class CountingGathers final : public CommunicatorDecorator {
 public:
  explicit CountingGathers(Communicator& inner) : CommunicatorDecorator(inner.split(0, inner.rank())) {}
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    ++gathers;
    return CommunicatorDecorator::all_gather(output, input);
  }
  int gathers = 0;
};

TEST(Unit, WhatIsGatheredAheadIsGatheredOnce) {
  run_threads(2, [](Communicator& threads) {
    CountingGathers data(threads);
    Unit unit = make_unit({.shards = 2, .shard_rank = data.rank(), .zero_stage = 3});
    unit.initialize(3);
    const auto use = [&] {
      unit.gather(data);
      unit.await_values();
      const auto first = unit.parameter("norm.weight").value[0].item<float>();
      unit.release();
      EXPECT_FALSE(unit.values().defined());
      return first;
    };
    unit.gather_ahead(data);
    EXPECT_EQ(use(), 1);
    EXPECT_EQ(data.gathers, 1);
    EXPECT_EQ(use(), 1);
    EXPECT_EQ(data.gathers, 2);
    unit.gather_ahead(data);
    unit.master().fill_(9);
    unit.round_masters();  // what was gathered is void
    EXPECT_EQ(use(), 9);
    EXPECT_EQ(data.gathers, 4);
  });
}

}  // namespace
}  // namespace baleen::parallel
