#pragma once
// Over how many ranks of the tensor axis a model can be cut. No LibTorch.

#include <string>
#include <vector>

#include "models/model_config.h"

namespace baleen::models {

struct TensorDegreeProblem {
  const char* key;      // of the section `model`: "model.heads"
  std::string message;  // with the arithmetic, and the nearest degrees that the whole model fits
};

/// Why `degree` ranks cannot share each layer of the resolved `config`; empty where they can. Ranks have whole heads,
/// equal in number; KV heads fewer than the ranks are shared by equally many.
std::vector<TensorDegreeProblem> tensor_degree_problems(const ModelConfig& config, int degree);

}  // namespace baleen::models
