#include "trainer/config_sizes.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>

namespace baleen::trainer {
namespace {

constexpr double kMostParameters = 1e13;
constexpr double kMostActivations = 1e15;  // elements of a micro-batch, an axis of each kind
constexpr double kMostTokens = 1e18;
constexpr double kMostMicroBatchTokens = std::numeric_limits<std::int32_t>::max();  // positions are 32 bits wide

double real(std::int64_t n) {
  return static_cast<double>(n);
}

}  // namespace

std::vector<SizeProblem> size_problems(const models::ModelConfig& model, const TrainingConfig& training) {
  std::vector<SizeProblem> problems;
  const double layers = real(model.layers), dim = real(model.dim), ffn = real(model.ffn_dim);
  const double parameters = layers * dim * (4 * dim + 3 * ffn) + 2 * real(model.vocab_size) * dim;
  if (parameters > kMostParameters)
    problems.push_back(
        {{"model.dim", "model.ffn_dim", "model.layers", "model.vocab_size"},
         fmt::format(
             "model.layers ({}), model.dim ({}), model.ffn_dim ({}) and model.vocab_size ({}) make up to {:.1e} "
             "parameters; the most is {:.0e}",
             model.layers, model.dim, model.ffn_dim, model.vocab_size, parameters, kMostParameters)});
  const double tokens = real(training.micro_batch_size) * real(training.sequence_length);
  if (tokens > kMostMicroBatchTokens)
    problems.push_back(
        {{"training.micro_batch_size", "training.sequence_length"},
         fmt::format("training.micro_batch_size ({}) x training.sequence_length ({}) is {:.1e} tokens at "
                     "once; the most is {:.1e}",
                     training.micro_batch_size, training.sequence_length, tokens, kMostMicroBatchTokens)});
  else if (parameters <= kMostParameters && tokens * layers * (dim + ffn) > kMostActivations)
    problems.push_back({{"training.micro_batch_size", "training.sequence_length"},
                        fmt::format("{} tokens at once (training.micro_batch_size x training.sequence_length) through "
                                    "{} layers of model.dim + model.ffn_dim = {} make {:.1e} activations; the most is "
                                    "{:.0e}",
                                    tokens, model.layers, model.dim + model.ffn_dim, tokens * layers * (dim + ffn),
                                    kMostActivations)});
  const double total = real(training.steps) * real(training.global_batch_size) * real(training.sequence_length);
  if (total > kMostTokens)
    problems.push_back(
        {{"training.steps", "training.global_batch_size", "training.sequence_length"},
         fmt::format("training.steps ({}) x training.global_batch_size ({}) x training.sequence_length "
                     "({}) is {:.1e} tokens; the most is {:.0e}",
                     training.steps, training.global_batch_size, training.sequence_length, total, kMostTokens)});
  return problems;
}

}  // namespace baleen::trainer
