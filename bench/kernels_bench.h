#pragma once
// `baleen bench kernels`: every op at the shapes of a model, beside what the device can do.

#include <c10/core/Device.h>

#include <string>

#include "core/dtype.h"

namespace baleen::bench {

struct KernelsBenchOptions {
  c10::Device device = c10::kCPU;
  std::string shape = "160m";  // demo, 160m, 1b, 8b
  core::DType type = core::DType::f32;
  std::string name;  // ops whose name holds this; empty: all
};

/// Measures a large copy and a large product first, then prints a table: time, floor (bytes over the copy's rate or
/// operations over the product's), rate, share of the ceiling. Throws Error(usage) for a shape that it does not know
/// and a name that no op has.
void bench_kernels(const KernelsBenchOptions& options);

}  // namespace baleen::bench
