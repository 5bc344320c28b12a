// Which degrees of the tensor axis a model allows, and what is said about the others.

#include "models/tensor_degree.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "models/llama_parameters.h"
#include "parallel/unit_layout.h"

namespace baleen::models {
namespace {

using testing::ElementsAre;

ModelConfig shape(std::int64_t heads, std::int64_t kv_heads, std::int64_t ffn_dim) {
  ModelConfig config;
  config.layers = 1;
  config.dim = 4 * heads;
  config.heads = heads;
  config.kv_heads = kv_heads;
  config.ffn_dim = ffn_dim;
  return config;
}

std::vector<std::string> messages(const ModelConfig& config, int degree) {
  std::vector<std::string> messages;
  for (const TensorDegreeProblem& problem : tensor_degree_problems(config, degree)) {
    EXPECT_EQ(problem.message.find(problem.key), 0U);
    messages.push_back(problem.message);
  }
  return messages;
}

TEST(TensorDegree, SaysWhatDoesNotDivideAndWhatWould) {
  EXPECT_THAT(messages(shape(12, 3, 40), 5),
              ElementsAre("model.heads (12) is not a multiple of parallelism.tensor (5); the nearest that fit this "
                          "model: parallelism.tensor = 1",
                          "model.kv_heads (3) and parallelism.tensor (5): neither is a multiple of the other; the "
                          "nearest that fit this model: parallelism.tensor = 1"));
  EXPECT_THAT(messages(shape(12, 6, 48), 4),
              ElementsAre("model.kv_heads (6) and parallelism.tensor (4): neither is a multiple of the other; the "
                          "nearest that fit this model: parallelism.tensor = 3 or 6"));
  EXPECT_THAT(messages(shape(8, 8, 42), 4),
              ElementsAre("model.ffn_dim (42) is not a multiple of parallelism.tensor (4); the nearest that fit this "
                          "model: parallelism.tensor = 2"));
}

TEST(TensorDegree, AllowsExactlyWhatCanBeLaidOutInWholeHeads) {
  for (const auto& [heads, kv_heads, ffn] : {std::array{12, 3, 24}, {12, 12, 36}, {16, 1, 32}, {8, 4, 20}, {6, 2, 9}}) {
    const ModelConfig config = shape(heads, kv_heads, ffn);
    for (int degree = 1; degree <= 20; ++degree) {
      bool fits = true;
      try {
        const parallel::UnitLayout layer = parallel::layout_unit(llama_units(config)[1], degree, degree - 1, 1);
        const auto rows = [&](std::size_t parameter) { return layer.parameters[parameter].local_shape[0]; };
        const std::int64_t q_heads = rows(1) / config.head_dim(), kv = rows(2) / config.head_dim();
        fits = rows(1) % config.head_dim() == 0 && rows(2) % config.head_dim() == 0 && q_heads % kv == 0;
      } catch (const core::Error&) {
        fits = false;
      }
      EXPECT_EQ(messages(config, degree).empty(), fits) << heads << " " << kv_heads << " " << ffn << " " << degree;
    }
  }
}

}  // namespace
}  // namespace baleen::models
