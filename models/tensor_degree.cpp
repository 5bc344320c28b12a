#include "models/tensor_degree.h"

#include <fmt/format.h>

namespace baleen::models {
namespace {

bool heads_fit(const ModelConfig& config, std::int64_t degree) {
  return config.heads % degree == 0;
}

bool kv_heads_fit(const ModelConfig& config, std::int64_t degree) {
  return config.kv_heads % degree == 0 || degree % config.kv_heads == 0;
}

bool mlp_fits(const ModelConfig& config, std::int64_t degree) {
  return config.ffn_dim % degree == 0;
}

/// "1 or 4": the legal degrees next below and above.
std::string nearest(const ModelConfig& config, std::int64_t degree) {
  const auto fits = [&](std::int64_t d) {
    return heads_fit(config, d) && kv_heads_fit(config, d) && mlp_fits(config, d);
  };
  std::int64_t below = degree - 1, above = degree + 1;
  while (!fits(below)) --below;  // 1 does
  while (above <= config.heads && !fits(above)) ++above;
  return above <= config.heads ? fmt::format("{} or {}", below, above) : fmt::format("{}", below);
}

}  // namespace

std::vector<TensorDegreeProblem> tensor_degree_problems(const ModelConfig& config, int degree) {
  std::vector<TensorDegreeProblem> problems;
  const auto problem = [&](const char* key, const std::string& arithmetic) {
    problems.push_back({key, fmt::format("{}; the nearest that fit this model: parallelism.tensor = {}", arithmetic,
                                         nearest(config, degree))});
  };
  if (!heads_fit(config, degree))
    problem("model.heads",
            fmt::format("model.heads ({}) is not a multiple of parallelism.tensor ({})", config.heads, degree));
  if (!kv_heads_fit(config, degree))
    problem("model.kv_heads",
            fmt::format("model.kv_heads ({}) and parallelism.tensor ({}): neither is a multiple of the other",
                        config.kv_heads, degree));
  if (!mlp_fits(config, degree))
    problem("model.ffn_dim",
            fmt::format("model.ffn_dim ({}) is not a multiple of parallelism.tensor ({})", config.ffn_dim, degree));
  return problems;
}

}  // namespace baleen::models
