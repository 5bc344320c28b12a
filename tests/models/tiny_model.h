#pragma once
// Small models, packed batches and one rank's training step for the tests of models/.

#include <functional>
#include <memory>

#include "models/transformer_stage.h"
#include "parallel/mesh.h"
#include "tests/models/reference_llama.h"

namespace baleen::tests {

/// 2 layers, dim 24, 4 heads on 2 key heads, a vocabulary that needs padding.
models::ModelConfig tiny_config();

/// Random tokens of packed sequences of the given lengths; some targets are to be ignored.
ReferenceBatch random_tokens(const models::ModelConfig& config, const std::vector<std::int32_t>& lengths, int seed);
/// The same as what the model takes. scale: of the loss gradient.
models::Batch to_batch(const ReferenceBatch& tokens, double scale = 1.0, at::Device device = at::kCPU);

/// A mesh of one rank.
class OneRank {
 public:
  OneRank();
  parallel::Mesh& mesh() { return *mesh_; }

 private:
  std::unique_ptr<parallel::Communicator> self_;
  std::unique_ptr<parallel::Mesh> mesh_;
};

parallel::UnitOptions unit_options(at::ScalarType compute, at::Device device = at::kCPU);

/// Gives every parameter that is trained the value of `make`, of its true shape; padding rows stay zero. Publishes.
void set_masters(models::TransformerStage& stage,
                 const std::function<at::Tensor(const parallel::ParameterSpec&)>& make);
/// Every element random: norm weights around 1, the rest around 0.
void randomize(models::TransformerStage& stage, int seed);
/// Masters, or gradients, by name, in their true shapes: copies on the CPU.
NamedTensors master_values(const models::TransformerStage& stage);
NamedTensors gradients(const models::TransformerStage& stage);

/// Zeroes, runs forward and backward of the batches as one step, adds tied gradients. Returns the loss sum.
double train_step(models::TransformerStage& stage, const std::vector<models::Batch>& batches);
/// The loss sum without training.
double evaluate(models::TransformerStage& stage, const models::Batch& batch);

/// Largest absolute difference over the largest absolute value of `expected`.
double relative_error(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace baleen::tests
