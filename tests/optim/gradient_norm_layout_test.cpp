// The gradient norm over meshes of threads: every element once, whatever the layout.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>

#include "optim/gradient_norm.h"
#include "parallel/thread_communicator.h"
#include "tests/kernels/exact_sum.h"
#include "tests/optim/unit_fixture.h"

namespace baleen::optim {
namespace {

const std::vector<std::string> kUnits{"a", "b", "c"};

std::vector<std::string> model_order() {
  std::vector<std::string> names;
  for (const std::string& unit : kUnits)
    for (const auto& parameter : tests::make_unit_spec(unit).parameters) names.push_back(parameter.name);
  return names;
}

/// A whole gradient of FP32's whole range; what lies between the parameters is not zero either.
at::Tensor whole_gradient(const std::string& unit, std::int64_t elements) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(unit[0]));
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor scale = at::randn({1024}, generator, options).mul(5).exp();
  return at::randn({1024}, generator, options).mul(scale).to(at::kFloat).narrow(0, 0, elements);
}

double expected_squares() {
  std::vector<at::Tensor> counted;
  for (const std::string& name : kUnits) {
    const auto unit = tests::make_unit(name, {});
    for (const parallel::ParameterLayout& at : unit->layout().parameters)
      counted.push_back(whole_gradient(name, unit->layout().elements).narrow(0, at.offset, at.elements));
  }
  return kernels::testing::exact_sum_of_squares(at::cat(counted));
}

struct Case {
  parallel::ParallelDims dims;
  int zero_stage;
};

/// One rank's units, with its part of the gradients.
class Rank {
 public:
  Rank(const Case& c, parallel::Communicator& host) : mesh_(c.dims, host, parallel::device_communicators(at::kCPU)) {
    parallel::UnitOptions options;
    options.shards = c.dims.data_shard;
    options.shard_rank = mesh_.coordinates().data_shard;
    options.zero_stage = c.zero_stage;
    // Later units on earlier ranks: the model's order is not that of the ranks.
    for (std::size_t i = 0; i < kUnits.size(); ++i) {
      if (static_cast<int>(i) % c.dims.pipeline != c.dims.pipeline - 1 - mesh_.coordinates().pipeline) continue;
      units_.push_back(tests::make_unit(kUnits[i], options));
      trained_.push_back(units_.back().get());
      const at::Tensor whole = whole_gradient(kUnits[i], units_.back()->layout().elements);
      units_.back()->gradient().copy_(part(whole, *units_.back()));
    }
  }

  /// An element of a parameter, on whichever ranks hold it.
  void plant(const std::string& name, std::int64_t element, float value) {
    for (const auto& unit : units_) {
      for (const parallel::Parameter& parameter : unit->parameters()) {
        const std::int64_t at = parameter.layout->offset + element - unit->shard_begin();
        if (parameter.spec->name == name && at >= 0 && at < unit->gradient().numel())
          unit->gradient().narrow(0, at, 1).fill_(value);
      }
    }
  }

  GradientNorm norm(bool deterministic) { return {trained_, model_order(), mesh_, deterministic}; }
  parallel::Mesh& mesh() { return mesh_; }

 private:
  static at::Tensor part(const at::Tensor& whole, const parallel::Unit& unit) {
    return whole.narrow(0, unit.shard_begin(), unit.gradient().numel());
  }

  parallel::Mesh mesh_;
  std::vector<std::unique_ptr<parallel::Unit>> units_;
  std::vector<parallel::Unit*> trained_;
};

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const int shard : {1, 2, 4})
    for (const int replicate : {1, 2})
      for (const int pipeline : {1, 3})
        for (int zero_stage = 0; zero_stage <= 3; ++zero_stage) {
          if (shard * replicate * pipeline > 8) continue;
          cases.push_back({{.data_shard = shard, .data_replicate = replicate, .pipeline = pipeline}, zero_stage});
        }
  return cases;
}

TEST(GradientNormOverLayouts, HasTheSameBitsWhereDeterministicAndIsRightEverywhere) {
  const double expected = expected_squares();
  for (const Case& c : cases()) {
    parallel::run_threads(c.dims.world(), [&](parallel::Communicator& host) {
      Rank rank(c, host);
      GradientNorm exact = rank.norm(true), plain = rank.norm(false);
      for (int time = 0; time < 2; ++time) {
        exact.compute();
        plain.compute();
        EXPECT_EQ(exact.squared_norm().item<double>(), expected) << c.dims.str() << " ZeRO " << c.zero_stage;
        EXPECT_NEAR(plain.squared_norm().item<double>(), expected, 1e-13 * expected)
            << c.dims.str() << " ZeRO " << c.zero_stage;
        EXPECT_EQ(exact.first_nonfinite().item<int>(), kernels::kAllFinite);
        EXPECT_EQ(plain.first_nonfinite().item<int>(), kernels::kAllFinite);
      }
    });
  }
}

TEST(GradientNormOverLayouts, EveryRankNamesTheFirstNonFiniteParameterWhereverItIs) {
  for (const Case& c : cases()) {
    parallel::run_threads(c.dims.world(), [&](parallel::Communicator& host) {
      Rank rank(c, host);
      for (const bool deterministic : {false, true}) {
        GradientNorm norm = rank.norm(deterministic);
        const auto first = [&] {
          norm.compute();
          EXPECT_FALSE(std::isfinite(norm.squared_norm().item<double>()));
          return norm.place(norm.first_nonfinite().item<int>());
        };
        rank.plant("c.table", 23, NAN);
        EXPECT_EQ(first().parameter, "c.table") << c.dims.str() << " ZeRO " << c.zero_stage;
        rank.plant("b.follower", 0, INFINITY);
        const GradientNorm::Place b = first();
        EXPECT_EQ(b.parameter, "b.follower");
        EXPECT_EQ(parallel::coordinates_of(b.rank, c.dims).pipeline, c.dims.pipeline == 3 ? 1 : 0);
        rank.plant("c.table", 23, 0);
        rank.plant("b.follower", 0, 0);
      }
    });
  }
}

// What is split counts everywhere, what is held alike counts once.
TEST(GradientNormOverTensorRanks, CountsAReplicatedParameterOnce) {
  using Kind = parallel::TensorPlacement::Kind;
  for (const parallel::TensorPlacement placement : {parallel::TensorPlacement{Kind::split, 0, 0},
                                                    {Kind::split, 1, 0},
                                                    {Kind::replicated, 0, 0},
                                                    {Kind::replicated_sum, 0, 0},
                                                    {Kind::split_groups, 0, 2},
                                                    {Kind::split_groups, 0, 4}}) {
    parallel::run_threads(4, [&](parallel::Communicator& host) {
      parallel::Mesh mesh({.tensor = 4}, host, parallel::device_communicators(at::kCPU));
      parallel::UnitSpec spec;
      spec.name = "unit";
      spec.parameters.resize(1);
      spec.parameters[0].name = "p";
      spec.parameters[0].shape = {8, 12};
      spec.parameters[0].tensor = placement;
      parallel::Unit unit(std::move(spec), {.tensor_degree = 4, .tensor_rank = mesh.coordinates().tensor});
      unit.parameters()[0].grad.fill_(1);
      for (const bool deterministic : {false, true}) {
        GradientNorm norm({&unit}, {"p"}, mesh, deterministic);
        norm.compute();
        EXPECT_EQ(norm.squared_norm().item<double>(), 96);
      }
    });
  }
}

TEST(GradientNormOfTiedWeights, CountsTheSumOfTheirGradientsOnce) {
  parallel::UnitSpec spec = tests::make_unit_spec("head");
  for (parallel::ParameterSpec& parameter : spec.parameters) parameter.tied_to = "a.matrix";
  parallel::Unit head(spec, {});
  const auto a = tests::make_unit("a", {});
  head.gradient().fill_(2);
  a->gradient().fill_(2);
  tests::OneRank one_rank;
  GradientNorm norm({a.get(), &head}, tests::names_of({a.get(), &head}), one_rank.mesh, true);
  norm.compute();
  EXPECT_EQ(norm.squared_norm().item<double>(), 4 * (33 * 5 + 2 * 5 + 7 + 8 * 3));
}

}  // namespace
}  // namespace baleen::optim
