#include "data/windows.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace baleen::data {
namespace {

/// Appends `window`, sequence_length + 1 tokens, as one sequence with its targets.
void append_sequence(std::span<const std::int64_t> window, MicroBatch& batch) {
  batch.tokens.insert(batch.tokens.end(), window.begin(), window.end() - 1);
  batch.targets.insert(batch.targets.end(), window.begin() + 1, window.end());
  const std::size_t before = batch.positions.size();
  batch.positions.resize(batch.tokens.size());
  std::iota(batch.positions.begin() + static_cast<std::ptrdiff_t>(before), batch.positions.end(), 0);
  batch.sequence_starts.push_back(static_cast<std::int32_t>(batch.tokens.size()));
}

void ignore_last_targets(std::int64_t count, MicroBatch& batch) {
  std::fill(batch.targets.end() - count, batch.targets.end(), kIgnoredTarget);
}

/// As append_sequence, but each document in the window [first_token, ...] becomes a sequence of its own. The token
/// before a border is an end-of-text; what the next document begins with does not follow from it.
void append_documents(std::span<const std::int64_t> window, std::int64_t first_token,
                      std::span<const std::uint64_t> offsets, MicroBatch& batch) {
  const auto begin = static_cast<std::uint64_t>(first_token);
  const auto length = static_cast<std::uint64_t>(window.size() - 1);
  auto border = std::upper_bound(offsets.begin(), offsets.end(), begin);
  std::uint64_t done = 0;
  while (done < length) {
    // The last token of the window may be the first of a document: then it is only a target, and not one to be learnt.
    const bool inside = border != offsets.end() && *border - begin <= length;
    const std::uint64_t end = inside ? *border - begin : length;
    append_sequence(window.subspan(done, end - done + 1), batch);
    if (inside) {
      ignore_last_targets(1, batch);
      ++border;
    }
    done = end;
  }
}

void append_window(const TokenDataset& dataset, Packing packing, std::int64_t window, std::int64_t sequence_length,
                   MicroBatch& batch) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(sequence_length) + 1);
  const std::int64_t first_token = window * sequence_length;
  dataset.read(first_token, tokens);
  if (packing == Packing::stream) {
    append_sequence(tokens, batch);
  } else {
    append_documents(tokens, first_token, dataset.document_offsets(), batch);
  }
}

std::int64_t windows_of(const TokenDataset& dataset, const SourceOptions& options) {
  return windows_in(dataset.info().tokens, options.sequence_length);
}

}  // namespace

TrainingWindows::TrainingWindows(TokenDataset dataset, const SourceOptions& options)
    : dataset_(std::move(dataset)),
      packing_(options.packing),
      sequence_length_(options.sequence_length),
      sampler_(windows_of(dataset_, options), options.seed) {}

void TrainingWindows::append(std::int64_t global_sample, MicroBatch& batch) const {
  append_window(dataset_, packing_, sampler_.window(global_sample), sequence_length_, batch);
}

ValidationWindows::ValidationWindows(TokenDataset dataset, const SourceOptions& options, std::int64_t samples)
    : dataset_(std::move(dataset)),
      packing_(options.packing),
      sequence_length_(options.sequence_length),
      sampler_(windows_of(dataset_, options), std::min(samples, windows_of(dataset_, options))) {}

void ValidationWindows::append(std::int64_t global_sample, MicroBatch& batch) const {
  const bool filling = global_sample >= sampler_.samples();
  append_window(dataset_, packing_, filling ? 0 : sampler_.window(global_sample), sequence_length_, batch);
  if (filling) ignore_last_targets(sequence_length_, batch);
}

RandomWindows::RandomWindows(const SourceOptions& options, const char* name, std::int64_t samples)
    : stream_(core::random_stream(options.seed, core::RandomPurpose::random_tokens, 0, name)),
      vocab_size_(static_cast<std::uint64_t>(options.vocab_size)),
      sequence_length_(options.sequence_length),
      samples_(samples) {}

void RandomWindows::append(std::int64_t global_sample, MicroBatch& batch) const {
  std::vector<std::int64_t> window(static_cast<std::size_t>(sequence_length_) + 1);
  auto index = static_cast<std::uint64_t>(global_sample * sequence_length_);
  for (std::int64_t& token : window) {
    token = static_cast<std::int64_t>(core::random_u32(stream_, index++) * vocab_size_ >> 32);
  }
  append_sequence(window, batch);
  if (samples_ > 0 && global_sample >= samples_) ignore_last_targets(sequence_length_, batch);
}

}  // namespace baleen::data
