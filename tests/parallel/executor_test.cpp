#include "parallel/executor.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <memory>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

/// Three units of one weight each; the last makes its gradients in its forward. y = x + weight; the loss is the sum
/// over micro-batches of (micro-batch + 1) * y of the last, so every weight's gradient is the sum of (micro-batch + 1).
class AddingStage final : public Stage {
 public:
  /// `first`: the first of its units is the model's first, whose input has no gradient.
  explicit AddingStage(bool train, bool first = true) : train_(train), first_(first) {
    for (int u = 0; u < 3; ++u) {
      ParameterSpec weight;
      weight.name = "weight";
      weight.shape = {1};
      const UnitSpec spec{"unit", {weight}};
      units_.push_back(std::make_unique<Unit>(spec, UnitOptions{}));
      units_.back()->master().fill_(u + 1);
    }
  }

  Unit& unit(int u) override { return *units_[static_cast<std::size_t>(u)]; }
  at::Tensor empty_flow(int) override { return at::full({1}, 0, at::kFloat); }
  at::Tensor input(int micro_batch) override { return at::full({1}, 10 * micro_batch, at::kFloat); }

  at::Tensor forward(int u, int micro_batch, const at::Tensor& x) override {
    const at::Tensor y = x.add(unit(u).parameter("weight").value);
    if (u < 2) return y;
    outputs.push_back(y.item<double>());
    if (!train_) return {};
    write_gradient(u, micro_batch);
    return at::full({1}, micro_batch + 1, at::kFloat);
  }
  Gradient backward_input(int u, int, const Gradient& dy) override {
    saved_[static_cast<std::size_t>(u)] = dy.value;
    noted.push_back(dy.abs_max.defined() ? dy.abs_max.item<double>() : kNothing);
    return u == 0 && first_ ? Gradient() : Gradient(dy.value, at::full({1}, 10 + u, at::kFloat));
  }
  void backward_weight(int u, int micro_batch) override {
    EXPECT_EQ(saved_[static_cast<std::size_t>(u)].item<int>(), micro_batch + 1);
    write_gradient(u, micro_batch);
  }

  static constexpr double kNothing = -1;
  std::vector<double> outputs, noted;  // abs-max of the gradients that came

 private:
  void write_gradient(int u, int micro_batch) {
    const Parameter& weight = unit(u).parameter("weight");
    if (*weight.gradient_beta == 0) {
      weight.grad.fill_(micro_batch + 1);
    } else {
      weight.grad.add_(micro_batch + 1);
    }
  }

  bool train_, first_;
  std::vector<std::unique_ptr<Unit>> units_;
  at::Tensor saved_[3];
};

const std::vector<UnitTraits> kTraits = {{}, {}, {.stage = 0, .backward_in_forward = true}};

TEST(Executor, AccumulatesOverMicroBatchesAndReducesOverRanks) {
  run_threads(2, [](Communicator& host) {
    const ParallelDims dims{.tensor = 1, .context = 1, .data_shard = 2, .data_replicate = 1, .pipeline = 1};
    Mesh mesh(dims, host, device_communicators(at::kCPU));
    AddingStage stage(true);
    const UnitSchedule schedule = lower(build_schedule("1f1b", {.micro_batches = 3}), 0, kTraits, {});
    for (int step = 0; step < 2; ++step) {
      for (int u = 0; u < 3; ++u) {
        stage.unit(u).gradient().fill_(1e6);
        stage.unit(u).zero_gradients();
        EXPECT_FALSE(stage.unit(u).gradient().defined()) << "made when the backward comes to the unit";
      }
      execute(schedule, stage, mesh);
      for (int u = 0; u < 3; ++u) {
        stage.unit(u).finish_reduction();
        EXPECT_EQ(stage.unit(u).parameter("weight").grad.item<double>(), 2 * (1 + 2 + 3)) << "unit " << u;
      }
    }
    EXPECT_THAT(stage.outputs, testing::ElementsAre(6, 16, 26, 6, 16, 26));
    ASSERT_EQ(stage.noted.size(), 2 * 3 * 2);
    for (std::size_t i = 0; i < stage.noted.size(); i += 2) {
      EXPECT_EQ(stage.noted[i], AddingStage::kNothing) << "the head notes nothing";
      EXPECT_EQ(stage.noted[i + 1], 11) << "unit 1 does";
    }
  });
}

/// Sends whose end nobody sees before it is waited for, as on a GPU whose host runs far ahead.
class LateCommunicator final : public CommunicatorDecorator {
 public:
  LateCommunicator(std::unique_ptr<Communicator> inner, std::size_t& most)
      : CommunicatorDecorator(std::move(inner)), most_(most) {}

  WorkPtr send(const at::Tensor& tensor, int peer) override {
    most_ = std::max(most_, ++under_way_);
    return std::make_unique<LateWork>(CommunicatorDecorator::send(tensor, peer), under_way_);
  }

 private:
  class LateWork final : public Work {
   public:
    LateWork(WorkPtr inner, std::size_t& under_way) : inner_(std::move(inner)), under_way_(under_way) {}
    ~LateWork() override { --under_way_; }
    void wait() override {
      inner_->wait();
      waited_ = true;
    }
    bool done() override { return waited_; }

   private:
    WorkPtr inner_;
    std::size_t& under_way_;
    bool waited_ = false;
  };
  std::size_t under_way_ = 0;
  std::size_t& most_;
};

TEST(Executor, KeepsTheTensorsOfTwoMessagesAnEdge) {
  constexpr int kMicroBatches = 8;
  run_threads(2, [](Communicator& host) {
    ParallelDims dims;
    dims.pipeline = 2;
    std::map<std::string, std::size_t> most;  // of sends under way, by edge
    Mesh mesh(dims, host, [&](Communicator& ranks, const std::string& axis) -> std::unique_ptr<Communicator> {
      return std::make_unique<LateCommunicator>(ranks.split(0, ranks.rank()), most[axis]);
    });
    const bool first = host.rank() == 0;
    std::vector<UnitTraits> traits(1);
    if (!first) traits = {{.stage = 1}, {.stage = 1}, {.stage = 1, .backward_in_forward = true}};
    AddingStage stage(true, first);
    PipelineShape shape;
    shape.ranks = 2;
    shape.micro_batches = kMicroBatches;
    execute(lower(build_schedule("gpipe", shape), host.rank(), traits, {}), stage, mesh);
    EXPECT_EQ(most[first ? "forward_edge" : "backward_edge"], kSendsUnderWay);
    EXPECT_EQ(stage.outputs.size(), first ? 0 : kMicroBatches);
    if (first) {
      EXPECT_THAT(stage.noted, testing::Each(AddingStage::kNothing)) << "an abs-max does not travel";
    }
  });
}

TEST(Executor, ForwardOnlyTouchesNoGradient) {
  const std::unique_ptr<Communicator> host = make_self_communicator();
  Mesh mesh({}, *host, device_communicators(at::kCPU));
  AddingStage stage(false);
  stage.unit(1).gradient().fill_(5);
  execute(lower(forward_schedule({.micro_batches = 2}), 0, kTraits, {}), stage, mesh);
  EXPECT_THAT(stage.outputs, testing::ElementsAre(6, 16));
  EXPECT_EQ(*stage.unit(2).parameter("weight").gradient_beta, 0);
  EXPECT_EQ(stage.unit(1).gradient()[0].item<double>(), 5);
}

TEST(Executor, RefusesAScheduleWithoutTheForwardThatItNeeds) {
  const std::unique_ptr<Communicator> host = make_self_communicator();
  Mesh mesh({}, *host, device_communicators(at::kCPU));
  AddingStage stage(true);
  EXPECT_THROW(execute({{UnitOp::backward_input, 1, 0}}, stage, mesh), core::Error);
}

}  // namespace
}  // namespace baleen::parallel
