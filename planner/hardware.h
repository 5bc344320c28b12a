#pragma once
// What a machine can do, as the planner reckons with it: configs/hardware/NAME.toml. No LibTorch.

#include <optional>
#include <string>
#include <vector>

namespace baleen::planner {

struct GpuTable {
  std::string name;
  double memory_gib = 0;
  double peak_half_tflops = 0;  // dense BF16, for the model FLOP utilisation
};

/// 10¹² floating-point operations a second, and what bounds the rest.
struct ComputeTable {
  double gemm_fp8_tensor_tflops = 0, gemm_fp8_block_tflops = 0;  // by recipe
  double gemm_half_tflops = 0, gemm_fp32_tflops = 0, gemm_fp64_tflops = 0;
  double attention_forward_64_tflops = 0, attention_backward_64_tflops = 0;  // head size up to 64
  double attention_forward_128_tflops = 0, attention_backward_128_tflops = 0;
  double copy_tb_per_second = 0;
  double copy_efficiency = 0;  // of memory-bound kernels against a copy
  double kernel_us = 0;
};

/// Bus bandwidths as nccl-tests defines them, 10⁹ bytes a second.
struct NetworkTable {
  int gpus_per_node = 0;
  double all_reduce_gb_per_second = 0, all_gather_gb_per_second = 0, reduce_scatter_gb_per_second = 0,
         all_to_all_gb_per_second = 0;
  double message_gb_per_second = 0;
  double between_nodes_gb_per_second = 0;  // of one GPU
  double latency_us = 0;
};

struct FootprintTable {
  double context_gib = 0;
  double nccl_gib = 0;
  int nccl_channels = 0, nccl_ring_channels = 0;
  double reserve_share = 0;
  double workspace_gib = 0;
};

struct Hardware {
  GpuTable gpu;
  ComputeTable compute;
  NetworkTable network;
  FootprintTable footprint;
};

/// The tables that the program was built with: "h100", "h200".
std::vector<std::string> hardware_names();
/// One of them, or a TOML file of the same form. Throws Error(usage).
Hardware load_hardware(const std::string& name_or_file);
/// The table of the GPU that the driver calls so ("NVIDIA H100 80GB HBM3"), if the program has one.
std::optional<Hardware> hardware_of(const std::string& device_name);

}  // namespace baleen::planner
