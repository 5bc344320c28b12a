#include "data/loader.h"

#include <fmt/format.h>

#include <chrono>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "data/data_config.h"
#include "data/prefetch.h"
#include "data/windows.h"

namespace baleen::data {
namespace {

/// Blocks of 64 MiB. Windows lie all over a dataset, so that to verify each block at its first use would read all of a
/// large one within the first steps.
constexpr std::int64_t kMostVerified = 16;

void check(const SourceOptions& options) {
  core::require(options.sequence_length >= 1 && options.global_batch_size >= 1 && options.micro_batch_size >= 1 &&
                    options.vocab_size >= 1 && options.data_degree >= 1 && options.prefetch >= 0,
                "sizes of the data source are positive");
  core::require(options.data_rank >= 0 && options.data_rank < options.data_degree, "the data rank is below the degree");
  if (options.global_batch_size % (options.data_degree * options.micro_batch_size) != 0) {
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("training.global_batch_size = {} is not a multiple of {} data ranks times micro_batch_size = {}",
                    options.global_batch_size, options.data_degree, options.micro_batch_size),
        "change training.global_batch_size or training.micro_batch_size");
  }
}

TokenDataset open_dataset(const SourceOptions& options) {
  TokenDataset dataset = TokenDataset::open(options.dataset);
  const DatasetInfo& info = dataset.info();
  if (info.vocab_size > options.vocab_size) {
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} has a vocabulary of {} (tokenizer \"{}\"), the model only {}", options.dataset,
                                  info.vocab_size, info.tokenizer, options.vocab_size),
                      fmt::format("set model.vocab_size = {}", info.vocab_size));
  }
  if (windows_in(info.tokens, options.sequence_length) == 0) {
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} has {} tokens; one sequence takes {} (training.sequence_length + 1)",
                                  options.dataset, info.tokens, options.sequence_length + 1),
                      "use more text or a shorter training.sequence_length");
  }
  if (const auto blocks = std::ssize(dataset.digests()); blocks <= kMostVerified)
    for (std::int64_t block = 0; block < blocks; ++block) dataset.verify_digest(block);
  return dataset;
}

GlobalBatchPart make_part(const Windows& windows, const SourceOptions& options, std::int64_t step) {
  const std::int64_t sequences = options.global_batch_size / options.data_degree;
  const std::int64_t first = options.data_rank * sequences;
  const auto tokens = static_cast<std::size_t>(options.micro_batch_size * options.sequence_length);
  GlobalBatchPart part;
  part.step = step;
  for (std::int64_t sequence = first; sequence < first + sequences; sequence += options.micro_batch_size) {
    MicroBatch& batch = part.micro_batches.emplace_back();
    batch.tokens.reserve(tokens);
    batch.targets.reserve(tokens);
    batch.positions.reserve(tokens);
    batch.sequence_starts = {0};
    batch.first_global_token = sequence * options.sequence_length;
    for (std::int64_t i = 0; i < options.micro_batch_size; ++i) {
      windows.append(step * options.global_batch_size + sequence + i, batch);
    }
  }
  return part;
}

/// Makes each part when it is asked for.
class DirectSource final : public BatchSource {
 public:
  DirectSource(PrefetchSource::MakePart make, std::int64_t steps) : make_(std::move(make)), steps_(steps) {}
  GlobalBatchPart next(std::int64_t step) override {
    const auto began = std::chrono::steady_clock::now();
    GlobalBatchPart part = make_(step);
    part.wait_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return part;
  }
  std::int64_t steps() const override { return steps_; }

 private:
  PrefetchSource::MakePart make_;
  std::int64_t steps_;
};

std::unique_ptr<BatchSource> make_source(std::shared_ptr<const Windows> windows, const SourceOptions& options,
                                         std::int64_t steps) {
  auto make = [windows = std::move(windows), options, steps](std::int64_t step) {
    core::require(step >= 0 && (steps == 0 || step < steps), "the step lies inside the source");
    return make_part(*windows, options, step);
  };
  if (options.prefetch == 0) return std::make_unique<DirectSource>(std::move(make), steps);
  return std::make_unique<PrefetchSource>(std::move(make), steps, options.prefetch);
}

}  // namespace

std::unique_ptr<BatchSource> make_training_source(const SourceOptions& options) {
  check(options);
  if (options.dataset == kRandomDataset)
    return make_source(std::make_shared<RandomWindows>(options, "training", 0), options, 0);
  return make_source(std::make_shared<TrainingWindows>(open_dataset(options), options), options, 0);
}

std::unique_ptr<BatchSource> make_validation_source(const SourceOptions& options, std::int64_t samples) {
  check(options);
  core::require(samples >= 1, "validation has samples");
  const auto steps = [&](std::int64_t count) {
    return (count + options.global_batch_size - 1) / options.global_batch_size;
  };
  if (options.dataset == kRandomDataset) {
    return make_source(std::make_shared<RandomWindows>(options, "validation", samples), options, steps(samples));
  }
  auto windows = std::make_shared<ValidationWindows>(open_dataset(options), options, samples);
  const std::int64_t count = steps(windows->samples());
  return make_source(std::move(windows), options, count);
}

}  // namespace baleen::data
