#pragma once
// What this rank computes on, and how much of its memory it has taken.

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace baleen::trainer {

/// Peak since start: reserved from the driver by LibTorch's allocator on a GPU, resident set on the CPU, and beside
/// that what the mesh gathers in (Mesh::gather_bytes(), which only grows).
double peak_memory_gib(at::Device device, std::int64_t gather_bytes);

/// As the driver calls it ("NVIDIA H200"); empty for the CPU.
std::string device_name(at::Device device);

}  // namespace baleen::trainer
