#include "bench/kernel_use.h"

#include <gtest/gtest.h>

namespace baleen::bench {
namespace {

TEST(KernelClass, IsToldByTheName) {
  EXPECT_EQ(kernel_class("nvjet_hsh_256x128_64x4_1x2_h_bz_coopA_NNT"), "GEMM");
  EXPECT_EQ(kernel_class("cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7_64x128x64"), "attention");
  EXPECT_EQ(kernel_class("void pytorch_flash::flash_bwd_kernel<cutlass::bfloat16_t>(Flash_bwd_params)"), "attention");
  EXPECT_EQ(kernel_class("ncclDevKernel_AllGather_RING_LL(ncclDevKernelArgsStorage<4096ul>)"), "communication");
  EXPECT_EQ(kernel_class("void forward_kernel<__nv_bfloat16, 8, 4>(baleen::kernels::RmsNormArgs)"), "norm");
  EXPECT_EQ(kernel_class("void gradient_kernel<__nv_bfloat16, 8>(baleen::kernels::CrossEntropyGradientArgs)"), "loss");
  EXPECT_EQ(kernel_class("void quantize_kernel<(Fp8Format)0, (Fp8Tile)1, true>(baleen::kernels::QuantizeFp8Args)"),
            "FP8 quantization");
  EXPECT_EQ(kernel_class("something new"), "other");
}

TEST(TraceSummary, AddsByClassAndCountsWhatOverlapsOnce) {
  const TraceSummary summary = summarize({{"nvjet_a", 1000, 3000},
                                          {"ncclDevKernel_x", 2000, 5000},  // 1000 beside a GEMM, 2000 alone
                                          {"nvjet_b", 6000, 7000},
                                          {"memset", 7500, 7600}});
  ASSERT_EQ(summary.classes.size(), 3u);
  EXPECT_EQ(summary.classes[0].name, "GEMM");  // as long as communication, and before it by name
  EXPECT_DOUBLE_EQ(summary.classes[0].seconds, 3e-6);
  EXPECT_EQ(summary.classes[0].launches, 2);
  EXPECT_EQ(summary.classes[1].name, "communication");
  EXPECT_DOUBLE_EQ(summary.classes[2].seconds, 1e-7);
  EXPECT_DOUBLE_EQ(summary.span, 6.6e-6);
  EXPECT_DOUBLE_EQ(summary.busy, 5.1e-6);
  EXPECT_DOUBLE_EQ(summary.exposed_communication, 2e-6);
  EXPECT_EQ(summary.launches, 4);
}

TEST(TraceSummary, TellsBetweenWhichClassesNothingRan) {
  const TraceSummary summary = summarize({{"nvjet_a", 0, 1000},
                                          {"nvjet_long", 100, 5000},
                                          {"memset", 2000, 3000},  // beside a GEMM that ends after it
                                          {"nvjet_b", 5000, 6000},
                                          {"memset", 6500, 7000},
                                          {"nvjet_c", 7100, 8000},
                                          {"memset", 10000, 10100}});
  ASSERT_EQ(summary.gaps.size(), 2u);
  EXPECT_EQ(summary.gaps[0].before, "GEMM");
  EXPECT_EQ(summary.gaps[0].after, "copies and fills");
  EXPECT_DOUBLE_EQ(summary.gaps[0].seconds, 2.5e-6);
  EXPECT_DOUBLE_EQ(summary.gaps[0].longest, 2e-6);
  EXPECT_EQ(summary.gaps[0].count, 2);
  EXPECT_DOUBLE_EQ(summary.gaps[1].seconds, 1e-7);
}

TEST(TraceSummary, TakesTheSecondOfTwoStepsAsTheyWereIssued) {
  const std::vector<KernelSpan> spans =
      second_half({{"b2", 500, 600, 8}, {"a1", 0, 100, 3}, {"b1", 300, 400, 4}, {"a2", 200, 290, 7}});
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0].name, "a2");
  EXPECT_EQ(spans[1].name, "b2");
}

TEST(TraceSummary, OfNothingIsEmpty) {
  EXPECT_EQ(summarize({}).launches, 0);
}

TEST(TraceSummary, DoesNotMindTheOrder) {
  EXPECT_DOUBLE_EQ(summarize({{"b", 500, 600}, {"a", 100, 550}, {"c", 120, 130}}).busy, 5e-7);
}

}  // namespace
}  // namespace baleen::bench
