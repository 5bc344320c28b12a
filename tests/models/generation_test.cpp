// Forward through a cache of keys and values, token by token, equals the forward of the whole.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include "models/kv_cache.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

class GrowingCache final : public models::KvCache {
 public:
  explicit GrowingCache(std::int64_t layers) : layers_(static_cast<std::size_t>(layers)) {}
  View append(int layer, const at::Tensor& keys, const at::Tensor& values) override {
    View& all = layers_.at(static_cast<std::size_t>(layer));
    all.keys = all.keys.defined() ? at::cat({all.keys, keys}) : keys.clone();
    all.values = all.values.defined() ? at::cat({all.values, values}) : values.clone();
    return all;
  }

 private:
  std::vector<View> layers_;
};

TEST(Generation, CacheEqualsWholeForward) {
  models::ModelConfig config = tiny_config();
  config.qk_norm = true;
  config.dropout = 0.5;  // must not act
  models::TransformerStage stage(config, unit_options(at::kDouble), {});
  randomize(stage, 17);
  const ReferenceBatch tokens = random_tokens(config, {9}, 18);
  const at::Tensor all = stage.logits(to_batch(tokens), models::TransformerStage::Rows::all);

  GrowingCache cache(config.layers);
  std::int32_t done = 0;
  for (const std::int32_t next : {4, 1, 1, 3}) {
    models::Batch batch;
    batch.tokens = tokens.tokens.narrow(0, done, next);
    batch.positions = tokens.positions.narrow(0, done, next);
    batch.bounds = kernels::make_bounds({0, next}, at::kCPU);
    done += next;
    batch.bounds.key_starts = {0, done};
    batch.bounds.max_key = done;
    batch.cache = &cache;
    const at::Tensor last = stage.logits(batch, models::TransformerStage::Rows::last);
    EXPECT_LT(relative_error(last[0], all[done - 1]), 1e-12);
  }
}

}  // namespace
}  // namespace baleen::tests
