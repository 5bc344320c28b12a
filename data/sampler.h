#pragma once
// Which window of a dataset is sample i of a run: a pure function of (seed, epoch, global sample index), O(1) memory
// and no index file, so that the state of a run is one integer, whatever the data-parallel degree.

#include <cstdint>

#include "core/philox.h"

namespace baleen::data {

/// A keyed permutation of [0, size): a Feistel network over the next power of four with Philox as its round function,
/// walked until it lands inside (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
class Permutation {
 public:
  /// size >= 1.
  Permutation(std::uint64_t size, core::RandomStream stream);
  std::uint64_t operator()(std::uint64_t index) const;

 private:
  std::uint64_t encrypt(std::uint64_t value) const;

  std::uint64_t size_;
  core::RandomStream stream_;
  int half_bits_;
};

/// Windows of a token stream: window w is tokens [w * sequence_length, (w + 1) * sequence_length], one more than
/// sequence_length because targets are shifted by one. The rest of the stream, shorter than a window, is never read.
std::int64_t windows_in(std::int64_t tokens, std::int64_t sequence_length);

/// Every window once in each epoch, in an order of the epoch's own.
class ShuffledSampler {
 public:
  /// windows >= 1.
  ShuffledSampler(std::int64_t windows, std::uint64_t seed) : windows_(windows), seed_(seed) {}
  std::int64_t epoch(std::int64_t global_sample) const { return global_sample / windows_; }
  std::int64_t window(std::int64_t global_sample) const;

 private:
  std::int64_t windows_;
  std::uint64_t seed_;
};

/// Sample i of a fixed set of `samples` windows, spaced evenly over all of them, in the order of the text.
/// 1 <= samples <= windows.
class EvenSampler {
 public:
  EvenSampler(std::int64_t windows, std::int64_t samples) : windows_(windows), samples_(samples) {}
  std::int64_t samples() const { return samples_; }
  std::int64_t window(std::int64_t sample) const;

 private:
  std::int64_t windows_;
  std::int64_t samples_;
};

}  // namespace baleen::data
