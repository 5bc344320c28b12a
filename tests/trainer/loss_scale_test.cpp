// The first loss scale of FP16.

#include <ATen/ops/scalar_tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cross_entropy.h"
#include "tests/kernels/tensors.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

TEST(LossScale, StartsByTheTargetsOfAStepUnlessItIsGiven) {
  trainer::PrecisionConfig precision;
  EXPECT_EQ(precision.first_loss_scale(1), 65536);
  EXPECT_EQ(precision.first_loss_scale(32768), 65536);
  EXPECT_EQ(precision.first_loss_scale(32769), 131072);
  EXPECT_EQ(precision.first_loss_scale(4'000'000), std::ldexp(1, 23));
  EXPECT_EQ(precision.first_loss_scale(std::int64_t{1} << 48), std::ldexp(1, 49));
  EXPECT_EQ(precision.first_loss_scale((std::int64_t{1} << 47) + 1), std::ldexp(1, 49));
  precision.loss_scale_init = 0.5;
  EXPECT_EQ(precision.first_loss_scale(4'000'000), 0.5);
}

TEST(LossScale, OfATrainerIsThatOfItsBatch) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp16");
  config.training.global_batch_size = 2048;  // of 24 tokens
  const auto self = parallel::make_self_communicator();
  parallel::Mesh mesh({}, *self, parallel::device_communicators(at::kCPU));
  EXPECT_EQ(trainer::Trainer(config, mesh, {}).read_step().loss_scale, 131072);
  config.precision.loss_scale_init = 8;
  EXPECT_EQ(trainer::Trainer(config, mesh, {}).read_step().loss_scale, 8);
  config.precision.compute = "bf16";
  EXPECT_EQ(trainer::Trainer(config, mesh, {}).read_step().loss_scale, 1);
}

/// Of the logits, each multiplied by the loss scale and divided by the targets.
at::Tensor gradient(at::Tensor logits, const at::Tensor& targets, double scale) {
  const kernels::VocabularyPart all{0, logits.size(1)};
  const kernels::CrossEntropyParts parts = kernels::cross_entropy_parts(logits, targets, all);
  const at::Tensor lse = parts.sum.log().add_(parts.max);
  kernels::cross_entropy_gradient_(logits, targets, all, lse, at::scalar_tensor(scale, at::kDouble), 0);
  return logits;
}

TEST(LossScale, KeepsTheGradientsOfALargeStepInFp16) {
  constexpr std::int64_t kTargets = 4 << 20, kVocabulary = 1 << 17;  // of Llama 3, nearly
  const at::Tensor logits = kernels::testing::random_tensor({4, kVocabulary}, at::kHalf);
  const at::Tensor targets = kernels::testing::random_integers(4, 0, kVocabulary);
  const double scale = trainer::PrecisionConfig().first_loss_scale(kTargets) / kTargets;
  const at::Tensor actual = gradient(logits.clone(), targets, scale).to(at::kDouble);
  const at::Tensor expected = gradient(logits.to(at::kDouble), targets, scale);
  EXPECT_LT(actual.eq(0).sum().item<double>(), 1e-3 * static_cast<double>(actual.numel()));
  // Of all but the targets' own, which are large.
  const at::Tensor others = expected.gt(0);
  const at::Tensor wrong = actual.sub(expected).abs().mul(others);
  EXPECT_LT(wrong.sum().item<double>(), 0.01 * expected.mul(others).sum().item<double>());
}

}  // namespace
}  // namespace baleen::tests
