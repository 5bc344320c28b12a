#pragma once
// The batches of a run. Global batch `step` is samples [step * G, (step + 1) * G) of the sampler; data rank d of D gets
// the sequences [d * G/D, (d + 1) * G/D) of it, cut into micro-batches. So the global batch is the same whatever the
// degree and the micro-batch size, and a run resumes at any step from that one integer.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace baleen::data {

/// Targets that count for nothing; the value that kernels/cross_entropy.h ignores.
inline constexpr std::int64_t kIgnoredTarget = -100;

/// T = micro_batch_size * sequence_length tokens, sequences one after another.
struct MicroBatch {
  std::vector<std::int64_t> tokens;           // [T]
  std::vector<std::int64_t> targets;          // [T]: the next token, or kIgnoredTarget
  std::vector<std::int64_t> positions;        // [T]: position in its sequence, from 0
  std::vector<std::int32_t> sequence_starts;  // S + 1 entries, first 0, last T: attention never crosses them
  std::int64_t first_global_token = 0;        // index of tokens[0] in the global batch of the step
};

/// What one data rank computes in one step.
struct GlobalBatchPart {
  std::int64_t step = 0;
  std::vector<MicroBatch> micro_batches;  // global_batch_size / (data_degree * micro_batch_size), at least one
  double wait_seconds = 0;                // what the caller waited for it
};

/// Whether the documents inside a window know of each other.
enum class Packing {
  stream,     // a window is one sequence
  documents,  // documents are sequences: attention does not cross, positions restart, and end-of-text predicts nothing
              // (as TRL's padding-free packing and Megatron's --eod-mask-loss): what follows is independent of it
};

struct SourceOptions {
  std::string dataset;  // path of an HDF5 dataset, or "random": Philox tokens, uniform in the vocabulary
  Packing packing = Packing::stream;
  std::int64_t vocab_size = 0;  // of the model; a dataset may have fewer
  std::int64_t sequence_length = 0;
  std::int64_t global_batch_size = 0;  // sequences; a multiple of data_degree * micro_batch_size
  std::int64_t micro_batch_size = 0;   // sequences
  int data_rank = 0;
  int data_degree = 1;
  std::uint64_t seed = 0;
  int prefetch = 2;  // parts made ahead by a thread of its own; 0: made in next()
};

/// One consumer thread.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  /// The part of global batch `step`. Any step may be asked for; ascending ones are made ahead. What went wrong while
  /// making it is thrown here.
  virtual GlobalBatchPart next(std::int64_t step) = 0;

  /// Steps after which the source starts over: of the validation set; 0 for training, which never ends.
  virtual std::int64_t steps() const = 0;
};

/// Shuffled anew in each epoch, from step 0 to wherever. Throws Error(usage) for a dataset that is broken (up to 1 GiB
/// of tokens are compared with their digests here), too short for one window, or has a larger vocabulary than the
/// model, and for sizes that do not divide.
std::unique_ptr<BatchSource> make_training_source(const SourceOptions& options);

/// A fixed set: min(samples, all) windows spaced evenly, no shuffle, in steps() = ceil(samples / global_batch_size)
/// batches. The last is filled up with sequences whose targets are all ignored, so every rank has equal work.
std::unique_ptr<BatchSource> make_validation_source(const SourceOptions& options, std::int64_t samples);

}  // namespace baleen::data
