#pragma once
// Which of cuBLASLt's algorithms computes each matrix product on a GPU. Without a plan it is cuBLASLt's own first
// guess; plans are chosen by measuring. They travel as text, one plan a line, so that a run can keep them and all its
// ranks can use those of one: the kernels know no other rank. A product is what stands before " = " in a plan's line.

#include <ATen/core/Tensor.h>

#include <string>

namespace baleen::kernels {

/// What plans hold for: "NVIDIA H200, cuBLASLt 13.1.0".
std::string product_plans_scope(at::Device gpu);

/// The products in FP8, BF16 and FP16 that this process has computed without a plan, one a line. Others are never
/// planned: runs in FP32 and FP64 have the same bits every time.
std::string unplanned_products(at::Device gpu);

/// Times the best guesses of cuBLASLt for each of these products on random data, with the product's own beta, and
/// returns a plan for each that fits into memory. Blocks the host for about 0.2 s a product.
std::string plan_products(const std::string& products, at::Device gpu);

/// From now on these plans are used, and no others. Lines that are none, and plans that this library refuses, are
/// passed over.
void use_product_plans(const std::string& plans, at::Device gpu);

}  // namespace baleen::kernels
