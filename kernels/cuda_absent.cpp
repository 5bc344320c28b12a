// Stands in for every CUDA launcher in a build without CUDA. Tensors on a GPU cannot exist there, so none is ever
// called.

#include "core/error.h"
#include "kernels/abs_max_launch.h"
#include "kernels/adamw_launch.h"
#include "kernels/bias_gradient_launch.h"
#include "kernels/cross_entropy_launch.h"
#include "kernels/cudnn_attention.h"
#include "kernels/device.h"
#include "kernels/dropout_launch.h"
#include "kernels/embedding_launch.h"
#include "kernels/exact_squares_launch.h"
#include "kernels/fp8_launch.h"
#include "kernels/fp8_producers_launch.h"
#include "kernels/matrix_product.h"
#include "kernels/product_plans.h"
#include "kernels/random_fill_launch.h"
#include "kernels/rms_norm_launch.h"
#include "kernels/rope_launch.h"
#include "kernels/sgd_launch.h"
#include "kernels/squared_norm_launch.h"
#include "kernels/step_control_launch.h"
#include "kernels/swiglu_launch.h"

namespace baleen::kernels {
namespace {

[[noreturn]] void absent() {
  throw core::Error(core::ExitCode::environment, "this build of Baleen has no CUDA", "build with -DBALEEN_CUDA=ON");
}

}  // namespace

void launch_adamw(const FlatShard&, const AdamwOptions&, void*) {
  absent();
}

void launch_sgd(const FlatShard&, const SgdOptions&, void*) {
  absent();
}

template <typename T>
void launch_squared_norm(const T*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*, void*) {
  absent();
}
template void launch_squared_norm(const float*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*,
                                  void*);
template void launch_squared_norm(const double*, const SegmentChunk*, std::int64_t, double*, double*, std::int32_t*,
                                  void*);

template <typename T>
void launch_exact_squares(const T*, const SegmentChunk*, std::int64_t, std::int64_t*, std::int32_t*, void*) {
  absent();
}
template void launch_exact_squares(const float*, const SegmentChunk*, std::int64_t, std::int64_t*, std::int32_t*,
                                   void*);
template void launch_exact_squares(const double*, const SegmentChunk*, std::int64_t, std::int64_t*, std::int32_t*,
                                   void*);
void launch_round_square_bins(std::int64_t*, double*, void*) {
  absent();
}

void launch_decide_step(StepState*, const StepRules&, const double*, const std::int32_t*, const double*, const double*,
                        std::int64_t, void*) {
  absent();
}

void launch_quantize_fp8(Fp8Format, Fp8Tile, const QuantizeFp8Args&, void*) {
  absent();
}
void launch_rms_norm_fp8(Fp8Tile, const RmsNormFp8Args&, void*) {
  absent();
}
void launch_swiglu_fp8(const SwigluFp8Args&, void*) {
  absent();
}
void launch_swiglu_backward_fp8(const SwigluBackwardFp8Args&, void*) {
  absent();
}
void launch_abs_max(const void*, std::int64_t, std::int64_t, std::int64_t, float*, void*) {
  absent();
}

int compute_capability(at::Device) {
  absent();
}
void* current_stream(at::Device) {
  absent();
}

void cuda_product(const CudaProduct&) {
  absent();
}
std::string product_plans_scope(at::Device) {
  absent();
}
std::string unplanned_products(at::Device) {
  absent();
}
std::string plan_products(const std::string&, at::Device) {
  absent();
}
void use_product_plans(const std::string&, at::Device) {
  absent();
}
void launch_bias_gradient(core::DType, const BiasGradientArgs&, void*) {
  absent();
}

void launch_cross_entropy_parts(core::DType, const CrossEntropyPartsArgs&, void*) {
  absent();
}
void launch_cross_entropy_gradient(core::DType, const CrossEntropyGradientArgs&, void*) {
  absent();
}

std::optional<Attention> cudnn_attention(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                         const SequenceBounds&) {
  absent();
}
bool cudnn_attention_backward(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&,
                              const Attention&, const SequenceBounds&, const at::Tensor&, const at::Tensor&,
                              const at::Tensor&, bool) {
  absent();
}

void launch_dropout(core::DType, const DropoutArgs&, void*) {
  absent();
}

void launch_embedding(core::DType, const EmbeddingArgs&, void*) {
  absent();
}
std::size_t embedding_sort_bytes(std::int64_t, std::int64_t) {
  absent();
}
void launch_embedding_sort(const EmbeddingSortArgs&, void*) {
  absent();
}
void launch_embedding_backward(core::DType, const EmbeddingBackwardArgs&, void*) {
  absent();
}

void launch_fill_normal(core::DType, void*, std::int64_t, double, core::RandomStream, std::int64_t, void*) {
  absent();
}

void launch_rms_norm(core::DType, const RmsNormArgs&, void*) {
  absent();
}
void launch_rms_norm_backward(core::DType, const RmsNormBackwardArgs&, void*) {
  absent();
}
std::int64_t rms_norm_max_dim(core::DType) {
  absent();
}

void launch_rope(core::DType, const RopeArgs&, void*) {
  absent();
}

void launch_swiglu(core::DType, const SwigluArgs&, void*) {
  absent();
}
void launch_swiglu_backward(core::DType, const SwigluBackwardArgs&, void*) {
  absent();
}

}  // namespace baleen::kernels
