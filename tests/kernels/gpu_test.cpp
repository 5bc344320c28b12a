// Every op on the GPU: as precise as the rule asks, close to the CPU, the same bits twice, on memory that was NaN
// before.

#include <gtest/gtest.h>

#include <limits>

#include "core/philox.h"
#include "kernels/cross_entropy.h"
#include "kernels/random_fill.h"
#include "kernels/rms_norm.h"
#include "tests/kernels/precision.h"

namespace baleen::kernels::testing {
namespace {

/// Leaves NaN in the memory that the next tensors get from the allocator.
void poison_free_memory() {
  std::vector<at::Tensor> blocks;
  for (std::int64_t bytes = 512; bytes <= (std::int64_t{1} << 26); bytes *= 2) {
    for (int n = 0; n < (bytes <= (1 << 20) ? 16 : 2); ++n) {
      blocks.push_back(at::empty({bytes / 8}, at::TensorOptions(at::kCUDA).dtype(at::kDouble)));
      blocks.back().fill_(std::numeric_limits<double>::quiet_NaN());
    }
  }
}

enum class Placement { aligned, strided };

/// On the GPU; strided: rows with gaps that start on no border of 16 bytes. Weights and whole tables stay contiguous.
Tensors on_gpu(const OpCase& op_case, at::ScalarType type, Placement placement) {
  Tensors inputs;
  for (const at::Tensor& input : inputs_in(op_case, type)) {
    const at::Tensor moved = input.to(at::kCUDA);
    const bool rows = input.is_floating_point() && input.dim() == 2;
    inputs.push_back(placement == Placement::strided && rows ? in_strided_rows(moved) : moved);
  }
  return inputs;
}

bool takes_strided_rows(const OpCase& op_case) {
  for (const char* name : {"linear", "rms_norm", "rope_", "swiglu", "cross_entropy"}) {
    if (op_case.name.starts_with(name)) return true;
  }
  return false;
}

/// What two correct computations of one op may differ by, of the largest value.
double agreement(at::ScalarType type) {
  if (type == at::kDouble) return 1e-12;
  return type == at::kFloat ? 2e-5 : 16 * one_rounding(type);
}

/// Relative to the largest value of all the op's outputs: one that is zero by mathematics (the gradient of a softmax
/// over one key, of a norm over one element) is rounding noise of operands that are as large as the others.
void expect_agreement(const Tensors& gpu, const Tensors& cpu, double tolerance) {
  double scale = 0;
  for (const at::Tensor& output : cpu) scale = std::max(scale, largest(output));
  for (std::size_t i = 0; i < cpu.size(); ++i)
    EXPECT_LE(difference(gpu[i], cpu[i]), tolerance * scale) << "output " << i;
}

class Gpu : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(Gpu, OpsArePreciseDeterministicAndAgreeWithTheCpu) {
  const at::ScalarType type = GetParam();
  for (const OpCase& op_case : all_op_cases()) {
    SCOPED_TRACE(op_case.name);
    const Tensors cpu = op_case.op(inputs_in(op_case, type));
    for (const Placement placement : {Placement::aligned, Placement::strided}) {
      if (placement == Placement::strided && !takes_strided_rows(op_case)) continue;
      SCOPED_TRACE(placement == Placement::aligned ? "aligned" : "strided rows");
      const Tensors inputs = on_gpu(op_case, type, placement);
      poison_free_memory();
      const Tensors gpu = op_case.op(inputs);
      expect_precise(op_case, type, gpu);
      expect_agreement(gpu, cpu, agreement(type));
      const Tensors again = op_case.op(inputs);
      for (std::size_t i = 0; i < gpu.size(); ++i) EXPECT_TRUE(again[i].equal(gpu[i])) << "output " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Gpu, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

TEST(GpuNormal, FillsAsTheCpuDoes) {
  const core::RandomStream stream = core::random_stream(1, core::RandomPurpose::initialization, 0, "embedding");
  for (const std::int64_t count : {0, 1, 7, 1000003}) {
    const at::Tensor cpu = at::empty({count}, at::kFloat), gpu = at::empty({count}, cpu.options().device(at::kCUDA));
    fill_normal_(cpu, 0.02, stream, 5);
    fill_normal_(gpu, 0.02, stream, 5);
    expect_close(gpu.to(at::kCPU), cpu, one_rounding(at::kFloat));
  }
}

TEST(GpuRmsNorm, NormalisesHeadsInsideAPackedRow) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor packed = random_tensor({33, 6 * 64}, type).to(at::kCUDA);
    const at::Tensor weight = random_tensor({64}, type, 2).to(at::kCUDA),
                     heads = packed.narrow(1, 64, 4 * 64).unflatten(1, {4, 64});
    const RmsNorm out = rms_norm(heads, weight, 1e-5), copied = rms_norm(heads.reshape({-1, 64}), weight, 1e-5);
    EXPECT_TRUE(out.y.reshape({-1, 64}).equal(copied.y));
    const RmsNormGradient gradient = rms_norm_backward(heads, heads, weight, out.rstd);
    EXPECT_TRUE(gradient.dx.reshape({-1, 64}).equal(
        rms_norm_backward(heads.reshape({-1, 64}), heads.reshape({-1, 64}), weight, copied.rstd).dx));
  }
}

TEST(GpuCrossEntropy, APartOfPaddingAddsNothing) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor logits = random_tensor({33, 128}, type).to(at::kCUDA);
    const at::Tensor targets = random_integers(33, 0, 128).to(at::kCUDA);
    poison_free_memory();
    const CrossEntropyParts none = cross_entropy_parts(logits, targets, {64, 0});
    EXPECT_TRUE(none.max.eq(-std::numeric_limits<double>::infinity()).all().item<bool>());
    EXPECT_EQ(largest(none.sum), 0);
    EXPECT_EQ(largest(none.picked), 0);
    const at::Tensor scale = at::empty({}, logits.options().dtype(at::kDouble)).fill_(1);
    cross_entropy_gradient_(logits, targets, {64, 0}, none.sum, scale, 1e-3);
    EXPECT_EQ(largest(logits), 0);
  }
}

}  // namespace
}  // namespace baleen::kernels::testing
