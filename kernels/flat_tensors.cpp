#include "kernels/flat_tensors.h"

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

void* flat_pointer(const at::Tensor& tensor, const at::Tensor& master, at::ScalarType type) {
  constexpr std::uintptr_t kVectorBytes = 16;
  void* data = tensor.data_ptr();
  core::require(tensor.sizes() == master.sizes() && tensor.is_contiguous() && tensor.scalar_type() == type &&
                    tensor.device() == master.device(),
                "an optimizer's tensors are flat, of one length, dtype and device");
  core::require(reinterpret_cast<std::uintptr_t>(data) % kVectorBytes == 0, "a flat shard starts on 16 bytes");
  return data;
}

}  // namespace

FlatShard flat_shard(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& first_moment,
                     const at::Tensor& second_moment, const at::Tensor& value, const at::Tensor& decay,
                     const at::Tensor& state) {
  FlatShard shard;
  shard.n = master.numel();
  shard.type = dtype_of(master);
  core::require(master.dim() == 1 && (shard.type == core::DType::f32 || shard.type == core::DType::f64),
                "masters are flat fp32 or fp64");
  core::require(decay.numel() == (shard.n + kDecayBlock - 1) / kDecayBlock && decay.device() == master.device(),
                "one decay flag per block");
  core::require(state.nbytes() == sizeof(StepState) && state.device() == master.device(), "state is a StepState");
  const at::ScalarType type = master.scalar_type();
  shard.master = flat_pointer(master, master, type);
  shard.gradient = flat_pointer(gradient, master, type);
  shard.first_moment = flat_pointer(first_moment, master, type);
  if (second_moment.defined()) shard.second_moment = flat_pointer(second_moment, master, type);
  if (value.defined()) {
    shard.value_type = dtype_of(value);
    core::require(shard.value_type == core::DType::bf16 || shard.value_type == core::DType::f16,
                  "values beside their masters are bf16 or fp16");
    shard.value = flat_pointer(value, master, value.scalar_type());
  }
  shard.decay = decay.const_data_ptr<std::uint8_t>();
  shard.state = static_cast<const StepState*>(state.const_data_ptr());
  return shard;
}

}  // namespace baleen::kernels
