#pragma once
// What a parameter is, without its numbers: the single description that tensor parallelism, ZeRO, optimizer,
// gradient norm, checkpoint and export read. No LibTorch.

#include <cstdint>
#include <string>
#include <vector>

namespace baleen::parallel {

struct Initializer {
  enum class Kind { normal, ones, zeros };
  Kind kind = Kind::normal;
  double std = 0.02;
};

/// How a parameter lies on the tensor axis.
struct TensorPlacement {
  enum class Kind {
    split,           // along `dim`, equal parts
    replicated,      // every rank the same value and the same gradient
    replicated_sum,  // the same value; each rank has a part of the gradient, to be summed
    split_groups,    // `groups` parts along `dim`, fewer than the degree: ranks of a group share one (KV heads)
  };
  Kind kind = Kind::replicated;
  int dim = 0;
  int groups = 0;
};

struct ParameterSpec {
  std::string name;                 // Hugging Face's: "model.layers.0.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global, without padding
  Initializer init;
  bool weight_decay = true;
  TensorPlacement tensor;
  bool fused_with_previous =
      false;                      // lies right behind the one before, so that one GEMM reads both (q, k, v; gate, up)
  std::int64_t row_multiple = 0;  // of the rows in the memory of each tensor rank: zeros past shape[0] (vocabulary);
                                  // 0: no such padding
  std::string tied_to;  // name of the parameter whose value this one shares: no checkpoint of its own, its own gradient

  std::int64_t rows(int parts) const;  // in memory, padding included, where it is split into so many along dim 0
  std::int64_t row_elements() const;   // elements of one row; 1 for a vector
  std::int64_t elements() const;       // of the true shape
};

/// The parameters of one block, gathered, reduced and released together.
struct UnitSpec {
  std::string name;  // "embedding", "layer.0", "norm", "head"
  std::vector<ParameterSpec> parameters;

  std::int64_t elements() const;  // of the true shapes
};

}  // namespace baleen::parallel
