#include "checkpoint/block_reader.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace {

/// Dims of `shared` from which on its elements are dense in both boxes, so that they move in one run.
std::size_t first_dense_dim(const Box& shared, const Box& stored, const Box& asked) {
  std::size_t dim = shared.lengths.size();
  while (dim > 0) {
    --dim;
    if (shared.lengths[dim] != stored.lengths[dim] || shared.lengths[dim] != asked.lengths[dim]) break;
  }
  return dim;
}

/// Index of the element `at` (global indices) in a dense box.
std::int64_t index_in(const Box& box, const std::vector<std::int64_t>& at) {
  std::int64_t index = 0;
  for (std::size_t d = 0; d < at.size(); ++d) index = index * box.lengths[d] + at[d] - box.offsets[d];
  return index;
}

/// Steps `at` through the indices of the dims before `dims` in C order; false after the last one.
bool next_index(std::vector<std::int64_t>& at, const Box& box, std::size_t dims) {
  for (std::size_t d = dims; d-- > 0;) {
    if (++at[d] < box.offsets[d] + box.lengths[d]) return true;
    at[d] = box.offsets[d];
  }
  return false;
}

}  // namespace

std::int64_t BlockReader::block_length(std::int64_t block) const {
  return std::min(block_bytes_, piece_.box.bytes() - block * block_bytes_);
}

void BlockReader::read_verified(std::int64_t block, std::span<std::byte> out) const {
  const auto where = [&] {
    return fmt::format("{}: block {} of {} ({} {})", path_.string(), block, piece_.dataset, piece_.box.kind,
                       str(piece_.box.box));
  };
  std::size_t done = 0;
  while (done < out.size()) {
    const std::int64_t at = piece_.file_offset + block * block_bytes_ + static_cast<std::int64_t>(done);
    const ssize_t got = ::pread(file_.get(), out.data() + done, out.size() - done, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw core::storage_error("read", path_, errno);
    if (got == 0) throw core::Error(core::ExitCode::corrupt_checkpoint, where() + " lies behind the end of the file");
    done += static_cast<std::size_t>(got);
  }
  const core::Digest digest = core::digest_of(out);
  const core::Digest& expected = piece_.blocks[static_cast<std::size_t>(block)];
  if (digest != expected)
    throw core::Error(core::ExitCode::corrupt_checkpoint,
                      fmt::format("{} has the digest {}, {} was saved", where(), digest.hex(), expected.hex()));
}

void BlockReader::load(std::int64_t block) {
  if (block == current_) return;
  current_ = -1;
  buffer_.resize(static_cast<std::size_t>(block_length(block)));
  read_verified(block, buffer_);
  current_ = block;
}

void BlockReader::copy(std::int64_t begin, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::int64_t block = begin / block_bytes_;
    const std::int64_t within = begin - block * block_bytes_;
    const std::size_t count = std::min(out.size(), static_cast<std::size_t>(block_length(block) - within));
    if (static_cast<std::int64_t>(count) == block_length(block)) {
      read_verified(block, out.first(count));
    } else {
      load(block);
      std::memcpy(out.data(), buffer_.data() + within, count);
    }
    begin += static_cast<std::int64_t>(count);
    out = out.subspan(count);
  }
}

std::int64_t BlockReader::check(std::int64_t block) {
  load(block);
  return block_length(block);
}

void copy_shared(BlockReader& reader, const Box& stored, const Box& asked, std::int64_t element_bytes,
                 std::span<std::byte> out) {
  const Box shared = intersection(stored, asked);
  if (shared.elements() == 0) return;
  const std::size_t dense = first_dense_dim(shared, stored, asked);
  std::int64_t run = element_bytes;
  for (std::size_t d = dense; d < shared.lengths.size(); ++d) run *= shared.lengths[d];
  std::vector<std::int64_t> at = shared.offsets;
  do {
    reader.copy(
        index_in(stored, at) * element_bytes,
        out.subspan(static_cast<std::size_t>(index_in(asked, at) * element_bytes), static_cast<std::size_t>(run)));
  } while (next_index(at, shared, dense));
}

}  // namespace baleen::checkpoint
