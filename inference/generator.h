#pragma once
// Continues a prompt token by token with the same modules that train.

#include <cstdint>
#include <functional>
#include <span>

#include "data/dataset_info.h"
#include "inference/growing_kv_cache.h"
#include "inference/sampling.h"
#include "models/transformer_stage.h"

namespace baleen::inference {

struct GenerationOptions {
  std::int64_t max_tokens = 256;
  SamplingOptions sampling;
  bool use_cache = true;  // off: every token runs over all before it; slow, the definition that tests compare with
};

enum class StopReason {
  end_of_text,
  max_tokens,
  context_full,  // the model has no position for another token
};

struct Generation {
  StopReason reason = StopReason::max_tokens;
  std::int64_t tokens = 0;  // handed to on_token
};

class Generator {
 public:
  /// `vocab_size`: ids that the tokenizer knows; a model may have more, which are never chosen. `stage` must outlive
  /// this.
  Generator(models::TransformerStage& stage, std::int64_t vocab_size, data::TokenId end_of_text);

  /// Calls on_token with each new token (end_of_text ends the text and is not handed on). An empty prompt starts a
  /// text: the model sees end_of_text first, as it does where a document begins in training. Throws Error(usage) for
  /// options that make no sense, for an id outside the vocabulary and for a prompt longer than the context,
  /// Error(numerical) for logits that are not finite.
  Generation generate(std::span<const data::TokenId> prompt, const GenerationOptions& options,
                      const std::function<void(data::TokenId)>& on_token);

  /// Throws what generate() would throw for this prompt.
  void check_prompt(std::span<const data::TokenId> prompt) const;

 private:
  /// Logits of what follows the last of `tokens`, which stand at positions from `first` on.
  std::vector<double> next_logits(std::span<const data::TokenId> tokens, std::int64_t first, models::KvCache* cache);

  models::TransformerStage& stage_;
  std::int64_t vocab_size_;
  data::TokenId end_of_text_;
  GrowingKvCache cache_;
};

}  // namespace baleen::inference
