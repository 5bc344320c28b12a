#pragma once
// Samples of the global order as sequences of a micro-batch: what the three kinds of source differ in.

#include <cstdint>
#include <memory>

#include "data/loader.h"
#include "data/sampler.h"
#include "data/token_dataset.h"

namespace baleen::data {

/// Immutable: samples may be made in any order by any thread.
class Windows {
 public:
  virtual ~Windows() = default;
  /// Appends sample `global_sample`, sequence_length tokens with their targets, positions and borders, to `batch`,
  /// whose sequence_starts begin with 0.
  virtual void append(std::int64_t global_sample, MicroBatch& batch) const = 0;
};

/// Windows of a dataset, shuffled.
class TrainingWindows final : public Windows {
 public:
  TrainingWindows(TokenDataset dataset, const SourceOptions& options);
  void append(std::int64_t global_sample, MicroBatch& batch) const override;

 private:
  TokenDataset dataset_;
  Packing packing_;
  std::int64_t sequence_length_;
  ShuffledSampler sampler_;
};

/// A fixed set of windows, evenly spaced; samples beyond it repeat the first one with every target ignored.
class ValidationWindows final : public Windows {
 public:
  ValidationWindows(TokenDataset dataset, const SourceOptions& options, std::int64_t samples);
  void append(std::int64_t global_sample, MicroBatch& batch) const override;
  std::int64_t samples() const { return sampler_.samples(); }

 private:
  TokenDataset dataset_;
  Packing packing_;
  std::int64_t sequence_length_;
  EvenSampler sampler_;
};

/// Windows of an endless stream of Philox tokens, uniform in the vocabulary.
class RandomWindows final : public Windows {
 public:
  /// `name` tells the streams of training and validation apart. From sample `samples` on (0: never) targets are
  /// ignored.
  RandomWindows(const SourceOptions& options, const char* name, std::int64_t samples);
  void append(std::int64_t global_sample, MicroBatch& batch) const override;

 private:
  core::RandomStream stream_;
  std::uint64_t vocab_size_;
  std::int64_t sequence_length_;
  std::int64_t samples_;
};

}  // namespace baleen::data
