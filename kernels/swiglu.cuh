#pragma once
// The arithmetic of SwiGLU, for the kernels that write it and for those that quantize it: the same bits.

#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {

template <typename W>
__device__ __forceinline__ W sigmoid(W x) {
  return 1 / (1 + exp(-x));
}

template <typename T>
__device__ __forceinline__ T swiglu_of(T gate, T up) {
  const Wide<T> wide = widen(gate);
  return static_cast<T>(wide * sigmoid(wide) * widen(up));
}

template <typename T>
struct SwigluGradient {
  T gate, up;
};

template <typename T>
__device__ __forceinline__ SwigluGradient<T> swiglu_gradient(T dy, T gate, T up) {
  using W = Wide<T>;
  const W wide = widen(gate), wide_dy = widen(dy), s = sigmoid(wide);
  return {static_cast<T>(wide_dy * widen(up) * s * (1 + wide * (1 - s))), static_cast<T>(wide_dy * wide * s)};
}

}  // namespace baleen::kernels
