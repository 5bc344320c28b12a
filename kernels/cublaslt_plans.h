#pragma once
// The algorithms that one process uses on its GPUs: plans where there are any, else cuBLASLt's first guess.

#include <ATen/core/Tensor.h>

#include <map>
#include <mutex>

#include "kernels/cublaslt_matmul.h"

namespace baleen::kernels {

struct DeviceProducts {
  struct Chosen {
    cublasLtMatmulAlgo_t algorithm;
    bool planned;
  };
  cublasLtHandle_t handle = nullptr;
  std::map<ProductProblem, Chosen> chosen;  // by the products computed so far
  std::map<ProductProblem, cublasLtMatmulAlgo_t> plans;
  std::map<void*, at::Tensor> workspaces;  // one a stream: products on two streams must not share it
};

/// Never destroyed: at exit the CUDA driver may be gone before us.
struct Products {
  std::mutex mutex;
  std::map<int, DeviceProducts> devices;

  static Products& instance();
  /// With its handle. The lock is the caller's.
  DeviceProducts& of(at::Device gpu);
};

struct ReadyProduct {
  cublasLtHandle_t handle;
  cublasLtMatmulAlgo_t algorithm;
  void* workspace;
};
ReadyProduct ready_product(Matmul& call, const ProductProblem& problem, at::Device gpu, void* stream);

}  // namespace baleen::kernels
