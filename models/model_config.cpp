#include "models/model_config.h"

namespace baleen::models {

const core::Section<ModelConfig>& model_section() {
  using T = ModelConfig;
  static const auto section =
      core::Section<T>("model", "The shape of the transformer.")
          .field("family", &T::family, "Architecture; llama covers Llama, Qwen2, Qwen3 and relatives.",
                 core::one_of({"llama"}))
          .field("layers", &T::layers, "Transformer blocks.", core::between(1, 1 << 14))
          .field("dim", &T::dim, "Width of the residual stream.", core::between(1, 1 << 20))
          .field("heads", &T::heads, "Attention heads; dim is a multiple of it.", core::between(1, 1 << 16))
          .field("kv_heads", &T::kv_heads, "Heads of keys and values (grouped-query attention); 0: as many as heads.",
                 core::between(0, 1 << 16))
          .field("ffn_dim", &T::ffn_dim, "Width of the SwiGLU MLP.", core::between(1, 1 << 22))
          .field("vocab_size", &T::vocab_size, "Tokens of the vocabulary, at least the dataset's.",
                 core::between(1, 1 << 24))
          .field("max_sequence_length", &T::max_sequence_length, "Positions that rotary angles are made for.",
                 core::between(1, 1 << 24))
          .field("rope_theta", &T::rope_theta, "Base of the rotary frequencies.", core::positive())
          .choice("rope_scaling", &T::rope_scaling, "How rotary frequencies are stretched for longer contexts.",
                  {{"none", RopeScaling::none}, {"linear", RopeScaling::linear}, {"llama3", RopeScaling::llama3}})
          .field("rope_factor", &T::rope_factor, "linear, llama3: how far.", core::at_least(1))
          .field("rope_low_freq_factor", &T::rope_low_freq_factor,
                 "llama3: wavelengths longer than rope_original_max_positions / this are stretched in full.",
                 core::positive())
          .field("rope_high_freq_factor", &T::rope_high_freq_factor,
                 "llama3: wavelengths shorter than rope_original_max_positions / this are kept.", core::positive())
          .field("rope_original_max_positions", &T::rope_original_max_positions,
                 "llama3: the context before stretching.", core::between(1, 1 << 24))
          .field("norm_eps", &T::norm_eps, "Added to the mean square in RMSNorm.", core::positive())
          .field("tie_embeddings", &T::tie_embeddings, "The head's weight is the embedding's.")
          .field("qkv_bias", &T::qkv_bias, "Biases on Q, K and V (Qwen2).")
          .field("qk_norm", &T::qk_norm, "RMSNorm on the heads of Q and K (Qwen3).")
          .field("dropout", &T::dropout, "On the embedding's output and both residual branches.",
                 core::in_half_open(0, 1));
  return section;
}

}  // namespace baleen::models
