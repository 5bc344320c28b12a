#pragma once
// The next token from logits. A pure function of (logits, options, index of the token): the same seed gives the same
// text whatever else is in the batch. No LibTorch.

#include <cstdint>
#include <span>
#include <vector>

#include "data/dataset_info.h"

namespace baleen::inference {

struct SamplingOptions {
  double temperature = 1.0;  // logits are divided by it; 0: always the most probable token
  std::int64_t top_k = 0;    // only the k most probable tokens; 0: all
  double top_p =
      1.0;  // only the most probable tokens that reach this probability together (Holtzman et al. 2020); 1: all
  std::uint64_t seed = 42;
};

/// Throws Error(usage) that names the option which makes no sense.
void check(const SamplingOptions& options);

struct Candidate {
  data::TokenId token = 0;
  double probability = 0;
};

/// What may come next, with probabilities that sum to 1: temperature first, then top-k, then top-p, as Hugging Face
/// does it. Most probable first where top-k or top-p is on; equal ones by ascending id. Throws Error(numerical) for a
/// NaN, for +inf, or where all logits are -inf.
std::vector<Candidate> candidates(std::span<const double> logits, const SamplingOptions& options);

/// Draws generated token number `index`.
data::TokenId sample(std::span<const double> logits, const SamplingOptions& options, std::int64_t index);

}  // namespace baleen::inference
