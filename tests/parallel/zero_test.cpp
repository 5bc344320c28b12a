// Units under ZeRO: what each stage holds, gathers and sums, against one rank that holds everything.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <mutex>
#include <stdexcept>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/thread_communicator.h"
#include "parallel/unit.h"

namespace baleen::parallel {
namespace {

constexpr int kMicroBatches = 3;

/// Sizes that leave gaps between parameters and behind the last one.
UnitSpec block() {
  UnitSpec spec{"layer.0", {}};
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<std::int64_t>>>{
           {"norm", {5}}, {"up", {30, 7}}, {"down", {7, 31}}}) {
    ParameterSpec parameter;
    parameter.name = name;
    parameter.shape = shape;
    spec.parameters.push_back(parameter);
  }
  return spec;
}

/// What rank `rank` finds as the gradient of a parameter for a micro-batch.
at::Tensor found_gradient(const Parameter& parameter, int rank, int micro_batch) {
  const std::uint64_t seed = static_cast<std::uint64_t>(100 * rank + 10 * micro_batch) + parameter.spec->name.size();
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return at::randn(parameter.layout->local_shape, generator, at::kFloat);
}

/// A step's backward over `data`; returns this rank's part of the summed gradient.
at::Tensor step(Unit& unit, Communicator& data) {
  unit.zero_gradients();
  for (int micro_batch = 0; micro_batch < kMicroBatches; ++micro_batch) {
    unit.begin_gradient();
    for (const Parameter& parameter : unit.parameters()) {
      const at::Tensor found = found_gradient(parameter, data.rank(), micro_batch);
      *parameter.gradient_beta == 0 ? parameter.grad.copy_(found) : parameter.grad.add_(found);
    }
    unit.end_gradient();
    if (unit.reduces_each_micro_batch() || micro_batch == kMicroBatches - 1) unit.reduce(data);
  }
  unit.finish_reduction();
  const std::size_t kept = unit.gradient().storage().nbytes();
  EXPECT_EQ(kept, static_cast<std::size_t>(unit.bytes().gradients)) << "a shard keeps no whole gradient alive";
  return unit.gradient().clone();
}

/// The whole of what every rank's `part` makes up.
at::Tensor gathered(Communicator& data, const Unit& unit, const at::Tensor& part) {
  if (unit.options().zero_stage == 0) return part;
  at::Tensor whole = at::zeros({unit.layout().elements}, part.options());
  data.all_gather(whole, part)->wait();
  return whole;
}

/// As NCCL: its own sums are in no order that is known, so blocks are exchanged and added by us.
class Unordered final : public CommunicatorDecorator {
 public:
  explicit Unordered(Communicator& inner) : CommunicatorDecorator(inner.split(0, inner.rank())) {}
  bool sums_in_rank_order() const override { return false; }
  WorkPtr all_reduce(const at::Tensor&, ReduceOp) override { throw std::logic_error("summed out of order"); }
  WorkPtr reduce_scatter(const at::Tensor&, const at::Tensor&, ReduceOp) override {
    throw std::logic_error("summed out of order");
  }
};

struct Case {
  int ranks, zero_stage;
  bool ordered;
  at::ScalarType wire = at::kFloat;
};

UnitOptions options_of(const Case& c, int rank) {
  UnitOptions options;
  options.shards = c.ranks;
  options.shard_rank = rank;
  options.zero_stage = c.zero_stage;
  options.ordered_sums = c.ordered;
  options.gradient_wire = c.wire;
  return options;
}

/// The summed gradient under a case, whole.
at::Tensor summed(const Case& c) {
  at::Tensor result;
  std::mutex mutex;
  run_threads(c.ranks, [&](Communicator& threads) {
    Unordered unordered(threads);
    Communicator& data = c.ordered && c.ranks > 1 ? unordered : threads;
    Unit unit(block(), options_of(c, data.rank()));
    const at::Tensor whole = gathered(data, unit, step(unit, data));
    EXPECT_TRUE(at::equal(gathered(data, unit, step(unit, data)), whole)) << "a second step starts from nothing";
    const std::lock_guard lock(mutex);
    if (data.rank() == 0) result = whole;
  });
  return result;
}

/// What the definition says: FP32 sums over ranks in rank order of gradients rounded to `wire`, then over
/// micro-batches (or the other way round where a step is summed once).
at::Tensor expected(const Case& c, bool each_micro_batch) {
  const Unit layout(block(), options_of(c, 0));
  at::Tensor whole = at::zeros({layout.layout().elements}, at::kFloat);
  for (const Parameter& parameter : layout.parameters()) {
    at::Tensor total = at::zeros(parameter.layout->local_shape, at::kFloat);
    const auto add_ranks = [&](const auto& of_rank) {
      at::Tensor sum = at::zeros_like(total);
      for (int rank = 0; rank < c.ranks; ++rank) {
        const at::Tensor mine = of_rank(rank);
        const at::Tensor sent = c.ranks > 1 ? mine.to(c.wire).to(at::kFloat) : mine;
        sum = rank == 0 ? sent.clone() : sum.add(sent);
      }
      return sum;
    };
    if (each_micro_batch) {
      for (int m = 0; m < kMicroBatches; ++m) {
        const at::Tensor sum = add_ranks([&](int rank) { return found_gradient(parameter, rank, m); });
        total = m == 0 ? sum : total.add(sum);
      }
    } else {
      total = add_ranks([&](int rank) {
        at::Tensor mine = found_gradient(parameter, rank, 0);
        for (int m = 1; m < kMicroBatches; ++m) mine = mine.add(found_gradient(parameter, rank, m));
        return mine;
      });
    }
    whole.narrow(0, parameter.layout->offset, parameter.layout->elements).copy_(total.flatten());
  }
  return whole;
}

TEST(Zero, SumsAsTheDefinitionSays) {
  for (const int ranks : {1, 2, 4})
    for (int stage = 0; stage <= 3; ++stage)
      for (const bool ordered : {false, true})
        for (const at::ScalarType wire : {at::kFloat, at::kBFloat16}) {
          const Case c{ranks, stage, ordered, wire};
          EXPECT_TRUE(at::equal(summed(c), expected(c, ordered || stage >= 2)))
              << ranks << " ranks, stage " << stage << (ordered ? ", ordered" : "") << ", wire " << wire;
        }
}

TEST(Zero, TravelsAsItIsUnlessAsked) {
  run_threads(2, [](Communicator& data) {
    UnitOptions options = options_of({2, 2, false}, data.rank());
    options.compute = options.master = at::kDouble;
    Unit unit(block(), options);
    unit.begin_gradient();
    for (const Parameter& parameter : unit.parameters()) parameter.grad.fill_(1.0 / 3);
    unit.end_gradient();
    unit.reduce(data);
    unit.finish_reduction();
    EXPECT_EQ(unit.gradient().max().item<double>(), 1.0 / 3 + 1.0 / 3);
  });
}

TEST(Zero, HoldsOnlyItsShard) {
  const std::int64_t elements = Unit(block(), options_of({4, 0, false}, 0)).layout().elements;
  const std::int64_t whole = 4 * elements, shard = elements;  // bytes of FP32
  const auto bytes = [](int stage, at::ScalarType compute = at::kFloat) {
    UnitOptions options = options_of({4, stage, false}, 1);
    options.compute = compute;
    const UnitBytes held = Unit(block(), options).bytes();
    return std::vector<std::int64_t>{held.values, held.masters, held.gradients};
  };
  using testing::ElementsAre;
  EXPECT_THAT(bytes(0), ElementsAre(0, whole, whole));
  EXPECT_THAT(bytes(1), ElementsAre(whole - shard, shard, whole));
  EXPECT_THAT(bytes(2), ElementsAre(whole - shard, shard, shard));
  EXPECT_THAT(bytes(3), ElementsAre(0, shard, shard));
  EXPECT_THAT(bytes(0, at::kBFloat16), ElementsAre(whole / 2, whole, whole));
  EXPECT_THAT(bytes(1, at::kBFloat16), ElementsAre(whole / 2, shard, whole));
  EXPECT_THAT(bytes(3, at::kBFloat16), ElementsAre(0, shard, shard));
}

TEST(Zero, EveryRankSeesWholeValues) {
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    UnitOptions alone;
    alone.compute = compute;
    Unit reference(block(), alone);
    reference.initialize(3);
    for (int stage = 1; stage <= 3; ++stage) {
      run_threads(3, [&](Communicator& data) {
        UnitOptions options = options_of({3, stage, false}, data.rank());
        options.compute = compute;
        Unit unit(block(), options);
        unit.initialize(3);
        unit.publish(data);
        for (int round = 0; round < 2; ++round) {
          unit.gather(data);
          unit.gather(data);  // for a tied head, say
          unit.await_values();
          unit.release();
          for (std::size_t p = 0; p < unit.parameters().size(); ++p)
            EXPECT_TRUE(at::equal(unit.parameters()[p].value, reference.parameters()[p].value)) << stage << ' ' << p;
          unit.release();
          EXPECT_EQ(unit.parameters()[0].value.defined(), stage < 3);
          EXPECT_EQ(unit.bytes().values == 0, stage == 3);
        }
        if (stage == 3) {
          EXPECT_THROW(unit.release(), core::Error);
        }
      });
    }
  }
}

TEST(Zero, StageThreeMayKeepItsValues) {
  run_threads(2, [](Communicator& data) {
    UnitOptions options = options_of({2, 3, false}, data.rank());
    options.keep_values = true;
    Unit unit(block(), options);
    unit.initialize(3);
    unit.publish(data);
    unit.await_values();
    Unit reference(block(), {});
    reference.initialize(3);
    EXPECT_TRUE(at::equal(unit.parameter("up").value, reference.parameter("up").value));
    EXPECT_TRUE(unit.shard_values().is_alias_of(unit.values()));
  });
}

TEST(Zero, ATiedUnitReadsTheValuesOfItsOwner) {
  run_threads(2, [](Communicator& data) {
    const UnitOptions options = options_of({2, 3, false}, data.rank());
    Unit owner(block(), options), tied(block(), options);
    tied.share_values_of(owner);
    owner.initialize(4);
    tied.gather(data);
    tied.await_values();
    EXPECT_TRUE(owner.parameter("up").value.defined());
    EXPECT_FALSE(tied.parameter("up").value.defined());
    EXPECT_EQ(tied.bytes().masters, 0);
    tied.release();
    EXPECT_FALSE(owner.parameter("up").value.defined());
  });
}

TEST(Zero, RefusesASumOverOtherRanksThanAUnitIsCutOver) {
  run_threads(2, [](Communicator& data) {
    const Case cut_over_one{.ranks = 1, .zero_stage = 1, .ordered = false};
    Unit unit(block(), options_of(cut_over_one, 0));
    EXPECT_THROW(step(unit, data), core::Error);
  });
}

}  // namespace
}  // namespace baleen::parallel
