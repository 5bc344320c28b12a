#include "inference/generator.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace baleen::inference {
namespace {

at::Tensor to_device(std::span<const data::TokenId> tokens, at::Device device) {
  const at::Tensor host = at::empty({static_cast<std::int64_t>(tokens.size())}, at::TensorOptions().dtype(at::kLong));
  std::copy(tokens.begin(), tokens.end(), host.mutable_data_ptr<std::int64_t>());
  return host.to(device);
}

// One sequence whose last `queries` tokens look at all `keys` tokens.
kernels::SequenceBounds bounds_of(std::int64_t queries, std::int64_t keys, at::Device device) {
  kernels::SequenceBounds bounds = kernels::make_bounds({0, static_cast<std::int32_t>(queries)}, device);
  kernels::SequenceBounds seen = kernels::make_bounds({0, static_cast<std::int32_t>(keys)}, device);
  bounds.key_starts = std::move(seen.key_starts);
  bounds.key_starts_device = seen.key_starts_device;
  bounds.max_key = seen.max_key;
  return bounds;
}

}  // namespace

Generator::Generator(models::TransformerStage& stage, std::int64_t vocab_size, data::TokenId end_of_text)
    : stage_(stage),
      vocab_size_(vocab_size),
      end_of_text_(end_of_text),
      cache_(stage.config().layers, stage.config().max_sequence_length) {
  if (vocab_size <= stage.config().vocab_size) return;
  throw core::Error(
      core::ExitCode::usage,
      fmt::format("the tokenizer has {} tokens, the model only {}", vocab_size, stage.config().vocab_size),
      "generate with the tokenizer that the model was trained with");
}

void Generator::check_prompt(std::span<const data::TokenId> prompt) const {
  const auto tokens = static_cast<std::int64_t>(prompt.size()), context = stage_.config().max_sequence_length;
  if (tokens > context) {
    throw core::Error(core::ExitCode::usage,
                      fmt::format("the prompt has {} tokens, the model's context {}", tokens, context),
                      "shorten the prompt");
  }
  for (const data::TokenId token : prompt) {
    if (token >= 0 && token < vocab_size_) continue;
    throw core::Error(core::ExitCode::usage,
                      fmt::format("the prompt has token {}, the vocabulary ends at {}", token, vocab_size_ - 1),
                      "encode the prompt with the model's own tokenizer");
  }
}

std::vector<double> Generator::next_logits(std::span<const data::TokenId> tokens, std::int64_t first,
                                           models::KvCache* cache) {
  const at::Device device = stage_.units().front()->options().device;
  const auto count = static_cast<std::int64_t>(tokens.size());
  models::Batch batch;
  batch.tokens = to_device(tokens, device);
  batch.positions = at::arange(first, first + count, at::TensorOptions(device).dtype(at::kLong));
  batch.bounds = bounds_of(count, first + count, device);
  batch.mode = models::Mode::generate;
  batch.cache = cache;
  const at::Tensor row = stage_.logits(batch, models::TransformerStage::Rows::last).to(at::kCPU, at::kDouble).flatten();
  const double* data = row.const_data_ptr<double>();
  return {data, data + vocab_size_};
}

Generation Generator::generate(std::span<const data::TokenId> prompt, const GenerationOptions& options,
                               const std::function<void(data::TokenId)>& on_token) {
  check(options.sampling);
  check_prompt(prompt);
  cache_.clear();
  std::vector<data::TokenId> text(prompt.begin(), prompt.end());
  if (text.empty()) text.push_back(end_of_text_);

  Generation done;
  std::size_t seen = 0;  // tokens that the cache holds
  while (done.tokens < options.max_tokens) {
    if (static_cast<std::int64_t>(text.size()) > stage_.config().max_sequence_length) {
      done.reason = StopReason::context_full;
      return done;
    }
    const std::span<const data::TokenId> news = std::span<const data::TokenId>(text).subspan(seen);
    const std::vector<double> logits =
        next_logits(news, static_cast<std::int64_t>(seen), options.use_cache ? &cache_ : nullptr);
    if (options.use_cache) seen = text.size();
    const data::TokenId next = sample(logits, options.sampling, done.tokens);
    if (next == end_of_text_) {
      done.reason = StopReason::end_of_text;
      return done;
    }
    text.push_back(next);
    ++done.tokens;
    on_token(next);
  }
  return done;
}

}  // namespace baleen::inference
