#include "tests/equivalence/comparison.h"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>

#include "parallel/communicator_decorator.h"

namespace baleen::tests {
namespace {

using parallel::Communicator, parallel::ReduceOp, parallel::WorkPtr;

/// What a BF16 wire must sum to, told plainly.
class RoundedSums final : public parallel::CommunicatorDecorator {
 public:
  using CommunicatorDecorator::CommunicatorDecorator;

  WorkPtr all_reduce(const at::Tensor& sum, ReduceOp op) override {
    const bool is_gradient = sum.is_floating_point() && sum.dim() > 0;  // and not a loss
    if (!is_gradient) return CommunicatorDecorator::all_reduce(sum, op);
    const at::Tensor all = at::empty({size(), sum.numel()}, sum.options());
    CommunicatorDecorator::all_gather(all, sum)->wait();
    const at::Tensor rounded = all.to(at::kBFloat16).to(sum.scalar_type());
    sum.copy_(rounded[0]);
    for (int rank = 1; rank < size(); ++rank) sum.add_(rounded[rank]);
    return parallel::completed_work();
  }
};

/// Sums over the data ranks that share a model; replicas keep FP32.
parallel::DeviceCommunicatorFactory with_rounded_sums(const Row& row) {
  const std::string summing = row.replicate > 1 ? "data_shard" : "data";
  return [summing](Communicator& host, const std::string& axis) -> std::unique_ptr<Communicator> {
    std::unique_ptr<Communicator> inner = host.split(0, host.rank());
    if (axis != summing) return inner;
    return std::make_unique<RoundedSums>(std::move(inner));
  };
}

std::string bits_differ(const Outcome& expected, const Outcome& actual) {
  if (expected.losses != actual.losses) return "losses differ";
  if (expected.validation_losses != actual.validation_losses) return "validation losses differ";
  if (expected.grad_norms != actual.grad_norms) return "gradient norms differ";
  if (expected.skipped != actual.skipped) return "skipped steps differ";
  return expected.parameters == actual.parameters ? "" : "parameters differ";
}

bool is_compared_with_one_rank(const Entry& run) {
  return run.precision == "fp64";
}

bool owes_bits(const Entry& run) {
  return run.modifiers.deterministic && equal_bits(run).name() != run.name();  // else it is its own reference
}

}  // namespace

const Outcome& Runs::get(const Entry& run) {
  const std::string key = run.name();
  const auto found = outcomes_.find(key);
  if (found != outcomes_.end()) return found->second;
  RunOptions options{.run_dir = folder_.path() / std::to_string(outcomes_.size())};
  Modifiers modifiers = run.modifiers;
  if (run.sums_by_definition) {
    modifiers.gradient_wire = "fp32";
    options.communicators = with_rounded_sums(run.row);
  }
  const trainer::Config config = config_of(run.row, modifiers, folder_.path(), run.precision);
  return outcomes_[key] = run_with_threads(config, run.row.ranks(), options);
}

Entry one_rank(const Entry& run) {
  Entry one = run;
  one.row = {.layers = run.row.layers};
  one.modifiers.recompute = Modifiers{}.recompute;
  one.modifiers.regather = Modifiers{}.regather;
  one.modifiers.deterministic = true;
  return one;
}

Entry equal_bits(const Entry& run) {
  Entry whole = one_rank(run);
  whole.row = whole_layers(run.row);
  whole.sums_by_definition = run.modifiers.gradient_wire == "bf16";
  return whole;
}

std::vector<Entry> references(const Entry& run) {
  std::vector<Entry> all;
  if (is_compared_with_one_rank(run)) all.push_back(one_rank(run));
  if (owes_bits(run)) all.push_back(equal_bits(run));
  return all;
}

void expect_owed(Runs& runs, const Entry& run) {
  const Outcome& actual = runs.get(run);
  ASSERT_EQ(actual.losses.size(), 20U);
  ASSERT_EQ(actual.validation_losses.size(), 2U);
  EXPECT_LT(actual.losses.back(), 0.9 * actual.losses.front()) << "a run that learns nothing proves nothing";
  EXPECT_THAT(actual.grad_norms, testing::Each(testing::Gt(kMaxGradNorm))) << "every step is clipped";
  if (is_compared_with_one_rank(run)) {
    EXPECT_EQ(difference(runs.get(one_rank(run)), actual), "");
  }
  if (owes_bits(run)) {
    EXPECT_EQ(bits_differ(runs.get(equal_bits(run)), actual), "");
  }
}

}  // namespace baleen::tests
