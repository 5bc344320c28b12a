#pragma once
// Marks the few inline functions that the CPU definition and the CUDA kernel of an op share word for word.

#ifdef __CUDACC__
#define BALEEN_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define BALEEN_HOST_DEVICE inline
#endif
