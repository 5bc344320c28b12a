#include "launch/cuda_versions.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>
#include <fmt/format.h>

#include "parallel/nccl_communicator.h"

namespace baleen::launch {
namespace {

/// 13000 is 13.0.
std::string cuda_number(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

std::vector<LibraryVersion> cuda_versions() {
  int runtime = 0, driver = 0;  // stay 0 where there is no driver
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  const auto cublas = static_cast<int>(cublasLtGetVersion());
  const std::size_t cudnn = cudnnGetVersion();
  const parallel::NcclLibrary nccl = parallel::nccl_library();
  return {{"CUDA runtime", cuda_number(runtime), path_of_symbol("cudaRuntimeGetVersion")},
          {"CUDA driver", driver == 0 ? "none" : cuda_number(driver), path_of_symbol("cuInit")},
          {"cuBLASLt", fmt::format("{}.{}.{}", cublas / 10000, cublas % 10000 / 100, cublas % 100),
           path_of_symbol("cublasLtGetVersion")},
          {"cuDNN", fmt::format("{}.{}.{}", cudnn / 10000, cudnn % 10000 / 100, cudnn % 100),
           path_of_symbol("cudnnGetVersion")},
          {"NCCL", nccl.version, nccl.path}};
}

}  // namespace baleen::launch
