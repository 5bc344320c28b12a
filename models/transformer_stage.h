#pragma once
// The computing side of a rank: its units, their modules and what each micro-batch has saved.

#include "models/held_units.h"
#include "models/llama.h"
#include "parallel/executor.h"

namespace baleen::models {

class TransformerStage final : public parallel::Stage {
 public:
  TransformerStage(const ModelConfig& config, HeldUnits held, const parallel::UnitOptions& unit_options,
                   const ModuleOptions& module_options);
  /// The whole model.
  TransformerStage(const ModelConfig& config, const parallel::UnitOptions& unit_options,
                   const ModuleOptions& module_options)
      : TransformerStage(config, whole_model(config), unit_options, module_options) {}

  const ModelConfig& config() const { return config_; }
  /// The units of this rank, in the order of the forward: embedding, layers, norm, head.
  const Units& units() const { return units_; }
  /// For lowering a schedule onto units().
  std::vector<parallel::UnitTraits> traits() const { return unit_traits(config_, held_); }
  /// The units that the optimizer updates: all, less a head whose weight is that of an embedding on this rank.
  std::vector<parallel::Unit*> trained_units() const;

  /// Puts another block in a unit's place, before the first forward: models/autograd_module.h makes one of a forward.
  void replace_module(int unit, std::unique_ptr<Module> module);

  /// Initial values, each element a function of the seed, its parameter's name and its global index.
  void initialize(std::uint64_t seed);
  void zero_gradients();
  /// Once a step: ends the sums over the data axis, sums over replicas and over the tensor axis, and adds the gradients
  /// of tied weights.
  void finish_gradients(parallel::Mesh& mesh);
  /// Masters, changed other than by the optimizer, into the values of this rank's shards.
  void round_masters();
  /// Whole values of all ranks' shards; ends when each unit is used.
  void publish(parallel::Mesh& mesh);

  /// The micro-batches of the next schedule, by index. What the last ones saved must be used up.
  void set_batches(std::vector<Batch> batches);
  /// Sum of the loss over all valid tokens since reset_loss(), 0-dim fp64 on the device. Not divided, not scaled.
  const at::Tensor& loss() const { return loss_; }
  void reset_loss();
  /// Bytes kept for backwards that have not run yet.
  std::int64_t saved_bytes() const;

  enum class Rows { last, all };
  /// Forward only, without dropout, reading and filling batch.cache if there is one. Returns [rows, vocab_size] in FP32
  /// (FP64 when computing in FP64): of the last token of each sequence, or of all tokens. Collective over the tensor
  /// axis, where it wants a model without sequence parallelism: one new token cannot be shared.
  at::Tensor logits(const Batch& batch, Rows rows);

  parallel::Unit& unit(int unit) override;
  at::Tensor input(int micro_batch) override;
  at::Tensor empty_flow(int micro_batch) override;
  at::Tensor forward(int unit, int micro_batch, const at::Tensor& x) override;
  parallel::Gradient backward_input(int unit, int micro_batch, const parallel::Gradient& dy) override;
  void backward_weight(int unit, int micro_batch) override;

 private:
  /// One micro-batch in flight.
  struct Flight {
    Batch batch;
    std::vector<Saved> saved;  // by unit
  };

  void add_tied_gradients(parallel::Mesh& mesh);

  ModelConfig config_;
  HeldUnits held_;
  parallel::TensorRegion region_;
  at::Tensor loss_;
  Units units_;
  Modules modules_;
  std::vector<Flight> flights_;
};

}  // namespace baleen::models
