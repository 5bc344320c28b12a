#include "parallel/text_exchange.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace baleen::parallel {
namespace {

/// Bytes of `text`, and zeros up to `size`.
at::Tensor padded(const std::string& text, std::int64_t size) {
  at::Tensor bytes = at::zeros({size}, at::kByte);
  std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<std::uint8_t>());
  return bytes;
}

std::string text_of(const std::uint8_t* bytes, std::int64_t size) {
  return {bytes, bytes + size};
}

}  // namespace

std::vector<std::string> gather_texts(Communicator& host, const std::string& mine) {
  const at::Tensor size = at::tensor({static_cast<std::int64_t>(mine.size())}, at::kLong);
  const at::Tensor sizes = at::empty({host.size()}, at::kLong);
  host.all_gather(sizes, size)->wait();
  const auto* lengths = sizes.const_data_ptr<std::int64_t>();
  const std::int64_t longest = std::max<std::int64_t>(*std::max_element(lengths, lengths + host.size()), 1);
  const at::Tensor bytes = at::empty({host.size() * longest}, at::kByte);
  host.all_gather(bytes, padded(mine, longest))->wait();
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(host.size()));
  for (int rank = 0; rank < host.size(); ++rank)
    texts.push_back(text_of(bytes.const_data_ptr<std::uint8_t>() + rank * longest, lengths[rank]));
  return texts;
}

std::string broadcast_text(Communicator& host, const std::string& text, int root) {
  const at::Tensor size = at::tensor({static_cast<std::int64_t>(text.size())}, at::kLong);
  host.broadcast(size, root)->wait();
  const auto length = size.item<std::int64_t>();
  if (length == 0) return {};
  const at::Tensor bytes = host.rank() == root ? padded(text, length) : at::empty({length}, at::kByte);
  host.broadcast(bytes, root)->wait();
  return text_of(bytes.const_data_ptr<std::uint8_t>(), length);
}

}  // namespace baleen::parallel
