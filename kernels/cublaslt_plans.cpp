#include "kernels/cublaslt_plans.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <c10/core/DeviceGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/lines.h"
#include "kernels/device.h"
#include "kernels/fp8_format.h"
#include "kernels/product_plans.h"

namespace baleen::kernels {
namespace {

static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(ProductAlgorithm));

void check(cudaError_t status) {
  core::require(status == cudaSuccess, "CUDA measures the time of a product");
}

class Event {
 public:
  Event() { check(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream)); }
  /// Waits for `end`.
  static double seconds(const Event& begin, const Event& end) {
    float milliseconds = 0;
    check(cudaEventSynchronize(end.event_));
    check(cudaEventElapsedTime(&milliseconds, begin.event_, end.event_));
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

at::ScalarType tensor_type(std::int64_t cuda_type) {
  switch (cuda_type) {
    case CUDA_R_8F_E4M3:
      return at::kFloat8_e4m3fn;
    case CUDA_R_8F_E5M2:
      return at::kFloat8_e5m2;
    case CUDA_R_64F:
      return at::kDouble;
    case CUDA_R_16BF:
      return at::kBFloat16;
    case CUDA_R_16F:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

/// Runs in FP32 and FP64 have the same bits every time.
bool may_be_planned(const ProductProblem& problem) {
  return is_fp8(problem) || problem.first_type == CUDA_R_16BF || problem.first_type == CUDA_R_16F;
}

/// Random operands of one product, as far from aligned as those of the run.
class Trial {
 public:
  Trial(const ProductProblem& problem, at::Device gpu)
      : gpu_(gpu),
        first_(random(problem.first_type, problem.first_stride * problem.first_columns)),
        second_(random(problem.second_type, problem.second_stride * problem.second_columns)),
        out_(random(problem.out_type, problem.out_stride * problem.out_columns())),
        workspace_(at::empty({static_cast<std::int64_t>(kProductWorkspace)}, at::TensorOptions(gpu).dtype(at::kByte))) {
    if (problem.bias != 0) bias_ = random(problem.out_type, problem.out_rows());
    if (is_fp8(problem)) {
      first_scales_ = scales(problem.first_scale, problem.first_rows, problem.first_columns);
      second_scales_ = scales(problem.second_scale, problem.second_rows, problem.second_columns);
    }
    if (problem.accumulate == 1) addend_ = random(problem.out_type, problem.addend_stride * problem.out_columns());
    void* out = place(out_, problem.out_alignment);
    pointers_ = {.first = place(first_, problem.first_alignment),
                 .second = place(second_, problem.second_alignment),
                 .addend = addend_.defined() ? place(addend_, problem.addend_alignment) : out,
                 .out = out,
                 .workspace = workspace_.mutable_data_ptr()};
  }
  const ProductPointers& pointers() const { return pointers_; }
  ProductFactors factors() const {
    const auto address = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr() : nullptr; };
    return {.bias = address(bias_), .first_scales = address(first_scales_), .second_scales = address(second_scales_)};
  }

 private:
  static constexpr std::int64_t kGap = 512;  // bytes: room to start later

  at::Tensor random(std::int64_t cuda_type, std::int64_t elements) const {
    const at::ScalarType type = tensor_type(cuda_type);
    const std::int64_t gap = kGap / static_cast<std::int64_t>(at::elementSize(type));
    const bool fp8 = at::elementSize(type) == 1;  // which LibTorch does not fill
    return at::empty({elements + gap}, at::TensorOptions(gpu_).dtype(fp8 ? at::kHalf : type)).normal_().to(type);
  }
  /// Of an operand whose sums run down its columns.
  at::Tensor scales(std::int64_t mode, std::int64_t rows, std::int64_t columns) const {
    std::int64_t count = 1;
    if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F) count = (rows + kFp8TileSide - 1) / kFp8TileSide * columns;
    if (mode == CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F)
      count = fp8_block_stride(rows) * ((columns + kFp8TileSide - 1) / kFp8TileSide);
    return at::ones({count}, at::TensorOptions(gpu_).dtype(at::kFloat));
  }
  /// An address of exactly this alignment.
  static void* place(const at::Tensor& memory, std::int64_t alignment) {
    auto* start = static_cast<std::byte*>(memory.mutable_data_ptr());
    return start + (alignment < 256 ? alignment : 0);
  }

  at::Device gpu_;
  at::Tensor first_, second_, out_, addend_, bias_, first_scales_, second_scales_, workspace_;
  ProductPointers pointers_{};
};

/// The fastest of the library's best guesses; its first, where no other gains a percent. Candidates take turns, under a
/// load as long as that of training, since a GPU at its power limit ranks them otherwise than a cold one.
cublasLtMatmulAlgo_t fastest(cublasLtHandle_t handle, const ProductProblem& problem, at::Device gpu) {
  constexpr int kMost = 8, kRounds = 7;
  constexpr double kWarmUp = 0.05, kTurn = 1e-3, kGain = 0.99;
  const Trial trial(problem, gpu);
  Matmul call(problem, trial.factors());
  std::vector<cublasLtMatmulAlgo_t> guesses = call.guesses(handle, kMost);
  if (guesses.size() == 1) return guesses.front();
  auto* stream = static_cast<cudaStream_t>(current_stream(gpu));
  Event begin, end;
  const auto time = [&](const cublasLtMatmulAlgo_t& algorithm, int calls) {
    begin.record(stream);
    for (int i = 0; i < calls; ++i) call.run(handle, algorithm, trial.pointers(), stream);
    end.record(stream);
    return Event::seconds(begin, end) / calls;
  };
  time(guesses.front(), 1);
  const double once = std::max(time(guesses.front(), 3), 1e-6);
  time(guesses.front(), static_cast<int>(kWarmUp / once) + 1);
  const int calls = static_cast<int>(kTurn / once) + 1;
  std::vector<std::vector<double>> times(guesses.size());
  for (int round = 0; round < kRounds; ++round)
    for (std::size_t g = 0; g < guesses.size(); ++g) times[g].push_back(time(guesses[g], calls));
  std::vector<double> medians;
  for (std::vector<double>& of_guess : times) {
    std::nth_element(of_guess.begin(), of_guess.begin() + kRounds / 2, of_guess.end());
    medians.push_back(of_guess[kRounds / 2]);
  }
  const auto best = std::min_element(medians.begin(), medians.end());
  return *best < kGain * medians.front() ? guesses[static_cast<std::size_t>(best - medians.begin())] : guesses.front();
}

}  // namespace

Products& Products::instance() {
  static auto& products = *new Products;
  return products;
}

DeviceProducts& Products::of(at::Device gpu) {
  DeviceProducts& device = devices[gpu.index()];
  if (device.handle == nullptr) check_cublas(cublasLtCreate(&device.handle), "cublasLtCreate");
  return device;
}

ReadyProduct ready_product(Matmul& call, const ProductProblem& problem, at::Device gpu, void* stream) {
  Products& products = Products::instance();
  const std::lock_guard lock(products.mutex);
  DeviceProducts& device = products.of(gpu);
  auto found = device.chosen.find(problem);
  if (found == device.chosen.end()) {
    const auto plan = device.plans.find(problem);
    const bool planned = plan != device.plans.end() && call.accepts(device.handle, plan->second);
    found =
        device.chosen
            .emplace(problem,
                     DeviceProducts::Chosen{planned ? plan->second : call.guesses(device.handle, 1).front(), planned})
            .first;
  }
  at::Tensor& workspace = device.workspaces[stream];
  if (!workspace.defined())
    workspace = at::empty({static_cast<std::int64_t>(kProductWorkspace)}, at::TensorOptions(gpu).dtype(at::kByte));
  return {device.handle, found->second.algorithm, workspace.mutable_data_ptr()};
}

std::string product_plans_scope(at::Device gpu) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, gpu.index()));
  const std::size_t version = cublasLtGetVersion();
  return std::string(properties.name) + ", cuBLASLt " + std::to_string(version / 10000) + "." +
         std::to_string(version % 10000 / 100) + "." + std::to_string(version % 100);
}

std::string unplanned_products(at::Device gpu) {
  Products& products = Products::instance();
  const std::lock_guard lock(products.mutex);
  std::string text;
  for (const auto& [problem, chosen] : products.of(gpu).chosen)
    if (!chosen.planned && may_be_planned(problem)) text += to_text(problem) + "\n";
  return text;
}

std::string plan_products(const std::string& products, at::Device gpu) {
  const c10::DeviceGuard guard(gpu);
  cublasLtHandle_t handle = nullptr;
  {
    Products& all = Products::instance();
    const std::lock_guard lock(all.mutex);
    handle = all.of(gpu).handle;
  }
  std::string plans;
  core::for_lines(products, [&](std::string_view line) {
    const std::optional<ProductProblem> problem = read_problem(line);
    if (!problem) return;
    try {
      plans += to_text(ProductPlan{*problem, std::bit_cast<ProductAlgorithm>(fastest(handle, *problem, gpu))}) + "\n";
    } catch (const c10::OutOfMemoryError&) {  // then it stays a guess
    }
  });
  c10::cuda::CUDACachingAllocator::emptyCache();  // the operands of trials would lie between those of training
  return plans;
}

void use_product_plans(const std::string& plans, at::Device gpu) {
  Products& products = Products::instance();
  const std::lock_guard lock(products.mutex);
  DeviceProducts& device = products.of(gpu);
  device.plans.clear();
  device.chosen.clear();
  core::for_lines(plans, [&](std::string_view line) {
    if (const std::optional<ProductPlan> plan = read_plan(line))
      device.plans[plan->problem] = std::bit_cast<cublasLtMatmulAlgo_t>(plan->algorithm);
  });
}

}  // namespace baleen::kernels
