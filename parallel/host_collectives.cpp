#include "parallel/host_collectives.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Float8_e4m3fn.h>
#include <c10/util/Float8_e5m2.h>
#include <c10/util/Half.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "core/error.h"

namespace baleen::parallel {
namespace {

constexpr std::int64_t kBlock = 2048;  // elements: the running result stays in the first-level cache

template <class A>
void combine(A& a, A b, ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      a = static_cast<A>(a + b);
      break;
    case ReduceOp::max:
      a = b > a || b != b ? b : a;
      break;
    case ReduceOp::min:
      a = b < a || b != b ? b : a;
      break;
  }
}

template <class T>
using Accumulator = std::conditional_t<std::is_arithmetic_v<T>, T, float>;

template <class T, ReduceOp op>
void reduce_blocks(std::span<const void* const> parts, std::span<void* const> outputs, std::int64_t count) {
  using A = Accumulator<T>;
  std::array<A, kBlock> result;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const auto n = static_cast<std::size_t>(std::min(kBlock, count - begin));
    for (std::size_t r = 0; r < parts.size(); ++r) {
      const T* part = static_cast<const T*>(parts[r]) + begin;
      if (r == 0)
        for (std::size_t i = 0; i < n; ++i) result[i] = static_cast<A>(part[i]);
      else
        for (std::size_t i = 0; i < n; ++i) combine(result[i], static_cast<A>(part[i]), op);
    }
    for (void* output : outputs)
      for (std::size_t i = 0; i < n; ++i)
        static_cast<T*>(output)[begin + static_cast<std::int64_t>(i)] = static_cast<T>(result[i]);
  }
}

template <class T>
void reduce_typed(std::span<const void* const> parts, std::span<void* const> outputs, std::int64_t count, ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
      return reduce_blocks<T, ReduceOp::sum>(parts, outputs, count);
    case ReduceOp::max:
      return reduce_blocks<T, ReduceOp::max>(parts, outputs, count);
    case ReduceOp::min:
      return reduce_blocks<T, ReduceOp::min>(parts, outputs, count);
  }
}

}  // namespace

void check_tensor(const at::Tensor& tensor, at::DeviceType device) {
  core::require(tensor.defined() && tensor.is_contiguous(), "tensors of a collective are contiguous");
  if (tensor.device().type() != device)
    throw core::Error(core::ExitCode::internal,
                      fmt::format("internal error: a communicator of {} tensors was given one on {}",
                                  at::DeviceTypeName(device, true), tensor.device().str()));
}

void check_tensors(const at::Tensor& output, const at::Tensor& input, std::int64_t growth, at::DeviceType device) {
  check_tensor(output, device);
  check_tensor(input, device);
  if (output.scalar_type() != input.scalar_type() || output.numel() != input.numel() * growth)
    throw core::Error(core::ExitCode::internal,
                      fmt::format("internal error: a collective from {} {} elements needs {} for its output, not {} {}",
                                  input.numel(), at::toString(input.scalar_type()), input.numel() * growth,
                                  output.numel(), at::toString(output.scalar_type())));
}

void reduce_in_order(std::span<const void* const> parts, std::span<void* const> outputs, std::int64_t count,
                     at::ScalarType type, ReduceOp op) {
  switch (type) {
    case at::kDouble:
      return reduce_typed<double>(parts, outputs, count, op);
    case at::kFloat:
      return reduce_typed<float>(parts, outputs, count, op);
    case at::kBFloat16:
      return reduce_typed<c10::BFloat16>(parts, outputs, count, op);
    case at::kHalf:
      return reduce_typed<c10::Half>(parts, outputs, count, op);
    case at::kFloat8_e4m3fn:
      return reduce_typed<c10::Float8_e4m3fn>(parts, outputs, count, op);
    case at::kFloat8_e5m2:
      return reduce_typed<c10::Float8_e5m2>(parts, outputs, count, op);
    case at::kLong:
      return reduce_typed<std::int64_t>(parts, outputs, count, op);
    case at::kInt:
      return reduce_typed<std::int32_t>(parts, outputs, count, op);
    case at::kUInt32:
      return reduce_typed<std::uint32_t>(parts, outputs, count, op);
    case at::kUInt16:
      return reduce_typed<std::uint16_t>(parts, outputs, count, op);
    case at::kByte:
      return reduce_typed<std::uint8_t>(parts, outputs, count, op);
    default:
      throw core::Error(core::ExitCode::internal,
                        fmt::format("internal error: no reduction of {} tensors", at::toString(type)));
  }
}

std::byte* element(const at::Tensor& tensor, std::int64_t first) {
  return static_cast<std::byte*>(tensor.data_ptr()) + first * tensor.element_size();
}

}  // namespace baleen::parallel
