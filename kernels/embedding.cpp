#include "kernels/embedding.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "kernels/device.h"
#include "kernels/element_type.h"
#include "kernels/embedding_launch.h"

namespace baleen::kernels {
namespace {

template <typename T>
void embedding_cpu(const EmbeddingArgs& a) {
  for (std::int64_t i = 0; i < a.count; ++i) {
    T* out = static_cast<T*>(a.out) + i * a.dim;
    const std::int64_t row = a.tokens[i] - a.first_row;
    if (row >= 0 && row < a.rows) {
      std::copy_n(static_cast<const T*>(a.table) + row * a.dim, a.dim, out);
    } else {
      std::fill_n(out, a.dim, T{0});
    }
  }
}

template <typename T>
void backward_cpu(const at::Tensor& dy, const std::int64_t* tokens, const at::Tensor& out, std::int64_t first_row) {
  const std::int64_t dim = out.size(1);
  for (std::int64_t i = 0; i < dy.size(0); ++i) {
    const std::int64_t row = tokens[i] - first_row;
    if (row < 0 || row >= out.size(0)) continue;
    const T* from = dy.const_data_ptr<T>() + i * dy.stride(0);
    Wide<T>* __restrict to = out.mutable_data_ptr<Wide<T>>() + row * dim;
    for (std::int64_t d = 0; d < dim; ++d) to[d] += static_cast<Wide<T>>(from[d]);
  }
}

/// Sorted, the positions of each row lie together in rising order.
void backward_cuda(const at::Tensor& dy, const at::Tensor& tokens, const at::Tensor& out, std::int64_t first_row) {
  const CudaScope scope(dy);
  const std::int64_t count = tokens.numel(), tiles = (count + kEmbeddingTile - 1) / kEmbeddingTile;
  core::require(count < (std::int64_t{1} << 31) && out.size(0) < (std::int64_t{1} << 31) - 1,
                "embedding_backward: tokens and rows are numbered in 32 bits");
  const std::size_t scratch_bytes = embedding_sort_bytes(count, out.size(0));
  const at::Tensor scratch = at::empty({static_cast<std::int64_t>(scratch_bytes)}, tokens.options().dtype(at::kByte));
  const at::Tensor numbers = at::empty({4, count}, tokens.options().dtype(at::kInt));
  auto* number = numbers.mutable_data_ptr<std::int32_t>();
  const EmbeddingSortArgs sort{.tokens = tokens.const_data_ptr<std::int64_t>(),
                               .count = count,
                               .first_row = first_row,
                               .rows = out.size(0),
                               .unsorted = {number, number + count},
                               .sorted = {number + 2 * count, number + 3 * count},
                               .scratch = scratch.mutable_data_ptr(),
                               .scratch_bytes = scratch_bytes};
  launch_embedding_sort(sort, scope.stream());
  const at::Tensor partials = at::empty({tiles, 2, dy.size(1)}, dy.options().dtype(compute_type(dy.scalar_type())));
  const EmbeddingBackwardArgs args{.dy = dy.const_data_ptr(),
                                   .dy_stride = dy.stride(0),
                                   .sorted = sort.sorted,
                                   .count = count,
                                   .out = out.mutable_data_ptr(),
                                   .rows = out.size(0),
                                   .dim = out.size(1),
                                   .partials = partials.mutable_data_ptr()};
  launch_embedding_backward(dtype_of(dy), args, scope.stream());
}

bool are_tokens(const at::Tensor& tokens) {
  return tokens.dim() == 1 && tokens.is_contiguous() && tokens.scalar_type() == at::kLong;
}

}  // namespace

at::Tensor embedding(const at::Tensor& tokens, const at::Tensor& table, std::int64_t first_row) {
  core::require(are_tokens(tokens) && table.dim() == 2 && table.is_contiguous(),
                "embedding: tokens [T] int64, table [rows, D] contiguous");
  at::Tensor out = at::empty({tokens.numel(), table.size(1)}, table.options());
  const EmbeddingArgs args{.tokens = tokens.const_data_ptr<std::int64_t>(),
                           .count = tokens.numel(),
                           .table = table.const_data_ptr(),
                           .first_row = first_row,
                           .rows = table.size(0),
                           .dim = table.size(1),
                           .out = out.mutable_data_ptr()};
  if (on_cuda(table)) {
    launch_embedding(dtype_of(table), args, CudaScope(table).stream());
  } else {
    for_element_type(table.scalar_type(), [&]<typename T>() { embedding_cpu<T>(args); });
  }
  return out;
}

void embedding_backward(const at::Tensor& dy, const at::Tensor& tokens, const at::Tensor& out, std::int64_t first_row,
                        double beta) {
  core::require(dy.dim() == 2 && has_dense_rows(dy) && out.dim() == 2 && out.is_contiguous() &&
                    dy.size(1) == out.size(1) && are_tokens(tokens) && tokens.numel() == dy.size(0),
                "embedding_backward: dy [T, D], tokens [T] int64, out [rows, D] contiguous");
  core::require(out.scalar_type() == compute_type(dy.scalar_type()),
                "embedding_backward: out is fp32, or fp64 where dy is");
  if (beta == 0) out.zero_();
  if (dy.size(0) == 0) return;
  if (on_cuda(dy)) return backward_cuda(dy, tokens, out, first_row);
  for_element_type(dy.scalar_type(),
                   [&]<typename T>() { backward_cpu<T>(dy, tokens.const_data_ptr<std::int64_t>(), out, first_row); });
}

}  // namespace baleen::kernels
