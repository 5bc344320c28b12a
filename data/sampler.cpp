#include "data/sampler.h"

#include "core/error.h"

namespace baleen::data {
namespace {

// Three rounds already look random to any observer of large domains (Luby and Rackoff 1988); small domains want more.
constexpr std::uint64_t kRounds = 8;

}  // namespace

Permutation::Permutation(std::uint64_t size, core::RandomStream stream) : size_(size), stream_(stream), half_bits_(0) {
  core::require(size >= 1 && size <= std::uint64_t{1} << 62, "a permutation needs 1 to 2^62 elements");
  while (std::uint64_t{1} << (2 * half_bits_) < size) ++half_bits_;
}

std::uint64_t Permutation::operator()(std::uint64_t index) const {
  core::require(index < size_, "the index lies inside the permutation");
  // The network permutes a domain of less than four times the size; walking its cycle from inside always returns
  // inside.
  std::uint64_t value = encrypt(index);
  while (value >= size_) value = encrypt(value);
  return value;
}

std::uint64_t Permutation::encrypt(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    const std::uint64_t mixed = core::philox(stream_, round << 32 | right).word[0];
    const std::uint64_t next = left ^ (mixed & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

std::int64_t windows_in(std::int64_t tokens, std::int64_t sequence_length) {
  return tokens < 1 ? 0 : (tokens - 1) / sequence_length;
}

std::int64_t ShuffledSampler::window(std::int64_t global_sample) const {
  const auto stream = core::random_stream(seed_, core::RandomPurpose::shuffle,
                                          static_cast<std::uint64_t>(epoch(global_sample)), "windows");
  const Permutation order(static_cast<std::uint64_t>(windows_), stream);
  return static_cast<std::int64_t>(order(static_cast<std::uint64_t>(global_sample % windows_)));
}

std::int64_t EvenSampler::window(std::int64_t sample) const {
  // floor(sample * windows / samples) without overflow.
  return windows_ / samples_ * sample + windows_ % samples_ * sample / samples_;
}

}  // namespace baleen::data
