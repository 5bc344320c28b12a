#include "tests/models/reference_llama.h"

#include <torch/torch.h>

#include <cmath>

namespace baleen::tests {
namespace {

/// The angular frequency of pair i of a head, scaled as the configuration asks.
double frequency(const models::ModelConfig& config, std::int64_t pair) {
  const double plain =
      1.0 / std::pow(config.rope_theta, 2.0 * static_cast<double>(pair) / static_cast<double>(config.head_dim()));
  if (config.rope_scaling == models::RopeScaling::none) return plain;
  if (config.rope_scaling == models::RopeScaling::linear) return plain / config.rope_factor;
  const double turns = static_cast<double>(config.rope_original_max_positions) * plain / (2.0 * M_PI);
  const double smooth =
      (turns - config.rope_low_freq_factor) / (config.rope_high_freq_factor - config.rope_low_freq_factor);
  const double kept = std::min(1.0, std::max(0.0, smooth));
  return plain * (kept + (1.0 - kept) / config.rope_factor);
}

}  // namespace

ReferenceLlama::ReferenceLlama(models::ModelConfig config, const NamedTensors& parameters, at::ScalarType type)
    : config_(std::move(config)), type_(type) {
  for (const auto& [name, value] : parameters) {
    parameters_[name] = value.to(type).clone().requires_grad_(true);
  }
}

at::Tensor ReferenceLlama::norm(const at::Tensor& x, const std::string& name) const {
  return x * torch::rsqrt(x.square().mean(-1, true) + config_.norm_eps) * parameter(name + ".weight");
}

at::Tensor ReferenceLlama::linear(const at::Tensor& x, const std::string& name) const {
  const auto bias = parameters_.find(name + ".bias");
  const at::Tensor y = x.matmul(parameter(name + ".weight").t());
  return bias == parameters_.end() ? y : y + bias->second;
}

at::Tensor ReferenceLlama::rotate(const at::Tensor& head, const at::Tensor& positions) const {
  const std::int64_t half = config_.head_dim() / 2;
  std::vector<at::Tensor> low, high;
  for (std::int64_t i = 0; i < half; ++i) {
    const at::Tensor angle = positions.to(at::kDouble) * frequency(config_, i);
    const at::Tensor c = angle.cos().to(type_), s = angle.sin().to(type_);
    const at::Tensor a = head.select(1, i), b = head.select(1, i + half);
    low.push_back(a * c - b * s);
    high.push_back(a * s + b * c);
  }
  low.insert(low.end(), high.begin(), high.end());
  return torch::stack(low, 1);
}

at::Tensor ReferenceLlama::attention(const at::Tensor& x, const ReferenceBatch& batch,
                                     const std::string& prefix) const {
  const at::Tensor q = linear(x, prefix + "q_proj"), k = linear(x, prefix + "k_proj"), v = linear(x, prefix + "v_proj");
  const std::int64_t d = config_.head_dim();
  std::vector<at::Tensor> sequences;
  for (std::size_t s = 0; s + 1 < batch.starts.size(); ++s) {
    const std::int64_t first = batch.starts[s], length = batch.starts[s + 1] - first;
    const auto head = [&](const at::Tensor& rows, std::int64_t h) {
      return rows.narrow(0, first, length).narrow(1, h * d, d);
    };
    const at::Tensor positions = batch.positions.narrow(0, first, length);
    const at::Tensor future = torch::ones({length, length}, torch::kBool).triu(1);
    std::vector<at::Tensor> heads;
    for (std::int64_t h = 0; h < config_.heads; ++h) {
      const std::int64_t kv = h / (config_.heads / config_.kv_heads);
      at::Tensor query = head(q, h), key = head(k, kv);
      if (config_.qk_norm) {
        query = norm(query, prefix + "q_norm");
        key = norm(key, prefix + "k_norm");
      }
      const at::Tensor scores = rotate(query, positions).matmul(rotate(key, positions).t()) / std::sqrt(double(d));
      heads.push_back(torch::softmax(scores.masked_fill(future, -INFINITY), -1).matmul(head(v, kv)));
    }
    sequences.push_back(torch::cat(heads, 1));
  }
  return linear(torch::cat(sequences, 0), prefix + "o_proj");
}

at::Tensor ReferenceLlama::layer(const at::Tensor& x, const ReferenceBatch& batch, int index) const {
  const std::string prefix = "model.layers." + std::to_string(index) + ".";
  const at::Tensor h = x + attention(norm(x, prefix + "input_layernorm"), batch, prefix + "self_attn.");
  const at::Tensor n = norm(h, prefix + "post_attention_layernorm");
  const at::Tensor gate = linear(n, prefix + "mlp.gate_proj");
  return h + linear(gate * torch::sigmoid(gate) * linear(n, prefix + "mlp.up_proj"), prefix + "mlp.down_proj");
}

at::Tensor ReferenceLlama::logits(const ReferenceBatch& batch) const {
  at::Tensor x = parameter("model.embed_tokens.weight").index({batch.tokens});
  for (int i = 0; i < config_.layers; ++i) x = layer(x, batch, i);
  return linear(norm(x, "model.norm"), config_.tie_embeddings ? "model.embed_tokens" : "lm_head");
}

at::Tensor ReferenceLlama::loss(const ReferenceBatch& batch, double z_loss) const {
  const at::Tensor scores = logits(batch), lse = scores.logsumexp(1);
  const at::Tensor valid = batch.targets.ge(0).to(scores.scalar_type());
  const at::Tensor picked = scores.gather(1, batch.targets.clamp_min(0).unsqueeze(1)).squeeze(1);
  return ((lse - picked + z_loss * lse.square()) * valid).sum();
}

NamedTensors ReferenceLlama::gradients(const at::Tensor& scalar) const {
  std::vector<at::Tensor> leaves;
  for (const auto& [name, leaf] : parameters_) leaves.push_back(leaf);
  const std::vector<at::Tensor> gradients = torch::autograd::grad({scalar}, leaves);
  NamedTensors named;
  std::size_t i = 0;
  for (const auto& [name, leaf] : parameters_) named[name] = gradients[i++];
  return named;
}

}  // namespace baleen::tests
