#include "inference/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/philox.h"

namespace baleen::inference {
namespace {

bool more_probable(const Candidate& a, const Candidate& b) {
  return a.probability != b.probability ? a.probability > b.probability : a.token < b.token;
}

std::size_t argmax(std::span<const double> logits) {
  return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

void require_finite_maximum(std::span<const double> logits) {
  const bool has_nan = std::any_of(logits.begin(), logits.end(), [](double x) { return std::isnan(x); });
  if (!logits.empty() && !has_nan && std::isfinite(logits[argmax(logits)])) return;
  throw core::Error(core::ExitCode::numerical, "the model's logits are not finite, so no next token can be chosen",
                    "generate from an earlier checkpoint, or compute in a wider type");
}

// Keeps the most probable tokens, sorted.
void keep_top_k(std::vector<Candidate>& all, std::int64_t k) {
  const auto kept = std::min(static_cast<std::size_t>(k), all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), more_probable);
  all.resize(kept);
}

void normalize(std::vector<Candidate>& all) {
  double sum = 0;
  for (const Candidate& candidate : all) sum += candidate.probability;
  for (Candidate& candidate : all) candidate.probability /= sum;
}

// `all` is sorted and sums to 1. Keeps the shortest head that reaches p.
void keep_top_p(std::vector<Candidate>& all, double p) {
  double reached = 0;
  std::size_t kept = 0;
  while (kept < all.size() && reached < p) reached += all[kept++].probability;
  all.resize(kept);
  normalize(all);
}

// Uniform in [0, 1) with 53 bits.
double uniform(std::uint64_t seed, std::int64_t index) {
  const core::RandomStream stream = core::random_stream(seed, core::RandomPurpose::sampling, 0, "");
  const auto word = 2 * static_cast<std::uint64_t>(index);
  const std::uint64_t high = core::random_u32(stream, word), low = core::random_u32(stream, word + 1);
  return std::ldexp(static_cast<double>(((high << 32) | low) >> 11), -53);
}

}  // namespace

void check(const SamplingOptions& options) {
  const auto refuse = [](const std::string& what, const char* next) {
    throw core::Error(core::ExitCode::usage, what, next);
  };
  if (!(options.temperature >= 0 && std::isfinite(options.temperature))) {
    refuse(fmt::format("the temperature is {}", options.temperature), "use 0 (most probable token) or more");
  }
  if (options.top_k < 0) refuse(fmt::format("top-k is {}", options.top_k), "use 0 (all tokens) or more");
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    refuse(fmt::format("top-p is {}", options.top_p), "use more than 0, and at most 1 (all tokens)");
  }
}

std::vector<Candidate> candidates(std::span<const double> logits, const SamplingOptions& options) {
  require_finite_maximum(logits);
  const std::size_t best = argmax(logits);
  if (options.temperature == 0) return {{static_cast<data::TokenId>(best), 1.0}};
  std::vector<Candidate> all(logits.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = {static_cast<data::TokenId>(i), std::exp((logits[i] - logits[best]) / options.temperature)};
  }
  if (options.top_k > 0) {
    keep_top_k(all, options.top_k);
  } else if (options.top_p < 1) {
    std::sort(all.begin(), all.end(), more_probable);
  }
  normalize(all);
  if (options.top_p < 1) keep_top_p(all, options.top_p);
  return all;
}

data::TokenId sample(std::span<const double> logits, const SamplingOptions& options, std::int64_t index) {
  const std::vector<Candidate> all = candidates(logits, options);
  const double draw = uniform(options.seed, index);
  double reached = 0;
  data::TokenId chosen = all.front().token;
  for (const Candidate& candidate : all) {
    if (candidate.probability == 0) continue;
    chosen = candidate.token;  // rounding may leave the sum just below the draw: then it is the last possible one
    reached += candidate.probability;
    if (draw < reached) break;
  }
  return chosen;
}

}  // namespace baleen::inference
