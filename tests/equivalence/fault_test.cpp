// The table can fail: a planted fault in what ranks tell each other changes the run, and the comparison sees it.
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <map>

#include "parallel/communicator_decorator.h"
#include "tests/equivalence/rows.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

using parallel::Communicator, parallel::ReduceOp, parallel::WorkPtr;

enum class Kind {
  skip_sum,       // a sum leaves each rank with its own part
  scale_sum,      // a sum is divided by the ranks
  double_sum,     // a sum is added twice
  forget_others,  // a gather brings zeros from the others
  swap_messages,  // the first two messages of an edge change places
  send_zeros,
};

/// What travels.
enum class Payload { integers, numbers, one_number };

Payload payload(const at::Tensor& tensor) {
  if (!tensor.is_floating_point()) return Payload::integers;
  return tensor.dim() == 0 ? Payload::one_number : Payload::numbers;
}

struct Fault {
  std::string name;
  Kind kind;
  const char* axis;
  Row row;
  Modifiers modifiers = {};
  Payload of = Payload::numbers;  // for sums
};

class FaultyCommunicator final : public parallel::CommunicatorDecorator {
 public:
  FaultyCommunicator(std::unique_ptr<Communicator> inner, const Fault& fault)
      : CommunicatorDecorator(std::move(inner)), fault_(fault) {}

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    if (!concerns(tensor)) return CommunicatorDecorator::all_reduce(tensor, op);
    if (fault_.kind == Kind::skip_sum) return parallel::completed_work();
    CommunicatorDecorator::all_reduce(tensor, op)->wait();
    distort(tensor);
    return parallel::completed_work();
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    if (!concerns(input)) return CommunicatorDecorator::reduce_scatter(output, input, op);
    if (fault_.kind == Kind::skip_sum) {
      const std::int64_t part = output.numel();
      const at::Tensor own = input.view(-1).narrow(0, rank() * part, part);
      if (own.data_ptr() != output.data_ptr()) output.view(-1).copy_(own);
      return parallel::completed_work();
    }
    CommunicatorDecorator::reduce_scatter(output, input, op)->wait();
    distort(output);
    return parallel::completed_work();
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    if (fault_.kind != Kind::forget_others) return CommunicatorDecorator::all_gather(output, input);
    const at::Tensor own = input.clone();
    output.zero_();
    output.view(-1).narrow(0, rank() * own.numel(), own.numel()).copy_(own.view(-1));
    return parallel::completed_work();
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    if (fault_.kind == Kind::send_zeros) return CommunicatorDecorator::send(at::zeros_like(tensor), peer);
    if (fault_.kind != Kind::swap_messages || ++sent_ > 2) return CommunicatorDecorator::send(tensor, peer);
    if (sent_ == 1) {
      held_ = tensor;
      return parallel::completed_work();
    }
    early_ = CommunicatorDecorator::send(tensor, peer);
    return CommunicatorDecorator::send(held_, peer);
  }

 private:
  bool concerns(const at::Tensor& tensor) const {
    const bool sums =
        fault_.kind == Kind::skip_sum || fault_.kind == Kind::scale_sum || fault_.kind == Kind::double_sum;
    return sums && payload(tensor) == fault_.of;
  }
  void distort(const at::Tensor& sum) const {
    if (fault_.kind == Kind::scale_sum) sum.div_(size());
    if (fault_.kind == Kind::double_sum) sum.mul_(2);
  }

  const Fault& fault_;
  int sent_ = 0;
  at::Tensor held_;
  WorkPtr early_;
};

parallel::DeviceCommunicatorFactory with(const Fault& fault) {
  return [&fault](Communicator& host, const std::string& axis) -> std::unique_ptr<Communicator> {
    std::unique_ptr<Communicator> inner = host.split(0, host.rank());
    if (axis != fault.axis) return inner;
    return std::make_unique<FaultyCommunicator>(std::move(inner), fault);
  };
}

std::vector<Fault> planted_faults(bool deterministic) {
  Modifiers tied;
  tied.tied = true;
  // The norm's squares are added exactly, as integers, or as one number.
  const Payload squares = deterministic ? Payload::integers : Payload::one_number;
  std::vector<Fault> faults;
  const auto add = [&faults](const char* name, Kind kind, const char* axis, const Row& row,
                             const Modifiers& modifiers = {}, Payload of = Payload::numbers) {
    faults.push_back({name, kind, axis, row, modifiers, of});
  };
  add("GradientsAreNotSummed", Kind::skip_sum, "data", {.shard = 2});
  add("GradientsAreDividedByTheRanks", Kind::scale_sum, "data", {.shard = 2});
  add("ShardsAreNotSummed", Kind::skip_sum, "data", {.shard = 2, .zero = 2});
  add("ReplicasAreNotSummed", Kind::skip_sum, "data_replicate", {.shard = 2, .replicate = 2, .zero = 3});
  add("WeightsAreNotGathered", Kind::forget_others, "gathers", {.shard = 2, .zero = 3});
  add("UpdatedWeightsAreNotGathered", Kind::forget_others, "gathers", {.shard = 2, .zero = 1});
  add("PartialProductsAreNotSummed", Kind::skip_sum, "tensor", {.tensor = 2, .sequence_parallel = false});
  add("TokensAreNotSummed", Kind::skip_sum, "tensor", {.tensor = 2});
  add("TokensAreNotGathered", Kind::forget_others, "tensor", {.tensor = 2});
  add("SharedHeadsAreNotSummed", Kind::skip_sum, "tensor_group", {.tensor = 4});
  add("ATiedGradientIsMissing", Kind::skip_sum, "pipeline_ends", {.pipeline = 2}, tied);
  add("ATiedGradientIsAddedTwice", Kind::double_sum, "pipeline_ends", {.pipeline = 2}, tied);
  add("TwoMicroBatchesChangePlaces", Kind::swap_messages, "forward_edge", {.pipeline = 2, .schedule = "gpipe"});
  add("AGradientGetsLost", Kind::send_zeros, "backward_edge", {.pipeline = 2});
  add("TheNormMissesAStage", Kind::skip_sum, "world", {.pipeline = 2}, {}, squares);
  add("TheNormMissesAShard", Kind::skip_sum, "world", {.shard = 2, .zero = 3}, {}, squares);
  add("TheLossStaysInTheLastStage", Kind::skip_sum, "pipeline", {.pipeline = 2});
  add("TheLossIsOneRanks", Kind::forget_others, "data", {.shard = 2});
  for (Fault& fault : faults) fault.modifiers.deterministic = deterministic;
  return faults;
}

trainer::Config short_config(const Row& row, const Modifiers& modifiers, const TemporaryFolder& folder) {
  trainer::Config config = config_of(row, modifiers, folder.path(), "fp64");
  config.training.steps = 4;
  return config;
}

class PlantedFault : public testing::TestWithParam<Fault> {
 protected:
  static std::string seen(const Fault& fault) {
    const TemporaryFolder folder;
    RunOptions options{.run_dir = folder.path() / "faulty"};
    options.communicators = with(fault);
    const trainer::Config config = short_config(fault.row, fault.modifiers, folder);
    return difference(expected(fault.modifiers.tied), run_with_threads(config, fault.row.ranks(), options));
  }

 private:
  /// Of one rank, once for all faults that are planted in the same model.
  static const Outcome& expected(bool tied) {
    static std::map<bool, Outcome> outcomes;
    if (outcomes.count(tied) == 0) {
      const TemporaryFolder folder;
      Modifiers modifiers;
      modifiers.tied = tied;
      outcomes[tied] = run_with_threads(short_config({}, modifiers, folder), 1, {.run_dir = folder.path() / "one"});
    }
    return outcomes[tied];
  }
};

TEST_P(PlantedFault, IsSeen) {
  EXPECT_NE(seen(GetParam()), "");
}

/// Else everything would be seen.
TEST_F(PlantedFault, IsNotSeenWhereNoneIs) {
  const Row row{.tensor = 2, .pipeline = 2, .shard = 2, .zero = 3};
  for (const bool deterministic : {true, false})
    EXPECT_EQ(seen({"None", Kind::skip_sum, "no such axis", row, {.deterministic = deterministic}}), "");
}

std::string name_of(const testing::TestParamInfo<Fault>& fault) {
  return fault.param.name;
}

INSTANTIATE_TEST_SUITE_P(InOrder, PlantedFault, testing::ValuesIn(planted_faults(true)), name_of);
INSTANTIATE_TEST_SUITE_P(OutOfOrder, PlantedFault, testing::ValuesIn(planted_faults(false)), name_of);

}  // namespace
}  // namespace baleen::tests
