#include "models/transformer_stage.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "parallel/tensor_gradients.h"

namespace baleen::models {
namespace {

/// The rows of x that belong to the last token of each sequence.
at::Tensor last_rows(const at::Tensor& x, const kernels::SequenceBounds& bounds) {
  const std::int64_t sequences = static_cast<std::int64_t>(bounds.query_starts.size()) - 1;
  if (sequences == 1) return x.narrow(0, x.size(0) - 1, 1);
  return x.index_select(0, bounds.query_starts_device.narrow(0, 1, sequences) - 1);
}

/// One sum is under way while the next one starts: where blocks are exchanged, there are those of two sums at a time.
void sum_over_replicas(const Units& units, parallel::Communicator& replicas) {
  std::unique_ptr<parallel::GradientReduction> under_way;
  for (const auto& unit : units) {
    unit->finish_reduction();
    const parallel::ReductionOptions options{.in_rank_order = unit->options().ordered_sums};
    auto next = std::make_unique<parallel::GradientReduction>(unit->gradient(), replicas, options);
    if (under_way) under_way->finish();
    under_way = std::move(next);
  }
  if (under_way) under_way->finish();
}

}  // namespace

TransformerStage::TransformerStage(const ModelConfig& config, HeldUnits held, const parallel::UnitOptions& unit_options,
                                   const ModuleOptions& module_options)
    : config_(config),
      held_(std::move(held)),
      region_(module_options.region),
      loss_(at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(unit_options.device))),
      units_(make_llama_units(config, held_.units, unit_options, region_.sequence_parallel())),
      modules_(make_llama_modules(config, held_.units, units_, module_options, loss_)) {}

std::vector<parallel::Unit*> TransformerStage::trained_units() const {
  std::vector<parallel::Unit*> trained;
  for (const auto& unit : units_)
    if (&unit->value_owner() == unit.get()) trained.push_back(unit.get());
  return trained;
}

void TransformerStage::replace_module(int unit, std::unique_ptr<Module> module) {
  modules_.at(static_cast<std::size_t>(unit)) = std::move(module);
}

void TransformerStage::initialize(std::uint64_t seed) {
  for (parallel::Unit* unit : trained_units()) unit->initialize(seed);
}

void TransformerStage::zero_gradients() {
  for (const auto& unit : units_) unit->zero_gradients();
}

void TransformerStage::finish_gradients(parallel::Mesh& mesh) {
  sum_over_replicas(units_, mesh.data_replicate());
  for (const auto& unit : units_) parallel::sum_over_tensor(*unit, mesh.tensor(), mesh.tensor_group());
  if (config_.tie_embeddings) add_tied_gradients(mesh);
}

void TransformerStage::add_tied_gradients(parallel::Mesh& mesh) {
  const at::Tensor& first = units_.front()->gradient();
  const at::Tensor& last = units_.back()->gradient();
  const bool has_embedding = held_.units.front() == 0;
  const bool has_head = held_.units.back() == static_cast<int>(config_.layers) + 2;
  if (has_embedding && has_head) {
    first.add_(last);
  } else if (has_embedding || has_head) {
    mesh.pipeline_ends().all_reduce(has_embedding ? first : last, parallel::ReduceOp::sum)->wait();
  }
}

void TransformerStage::round_masters() {
  for (parallel::Unit* unit : trained_units()) unit->round_masters();
}

void TransformerStage::publish(parallel::Mesh& mesh) {
  for (parallel::Unit* unit : trained_units()) unit->publish(mesh.gathers());
}

void TransformerStage::set_batches(std::vector<Batch> batches) {
  core::require(saved_bytes() == 0, "every forward of the last schedule had its backward");
  flights_.clear();
  for (Batch& batch : batches) flights_.push_back({std::move(batch), std::vector<Saved>(units_.size())});
}

void TransformerStage::reset_loss() {
  loss_.zero_();
}

std::int64_t TransformerStage::saved_bytes() const {
  std::int64_t bytes = 0;
  for (const Flight& flight : flights_) {
    for (const Saved& saved : flight.saved) bytes += saved.bytes();
  }
  return bytes;
}

at::Tensor TransformerStage::logits(const Batch& batch, Rows rows) {
  core::require(!region_.sequence_parallel(), "logits are asked of a model without sequence parallelism");
  Batch asked = batch;
  asked.mode = Mode::generate;
  Saved nothing;
  at::Tensor x = asked.tokens;
  for (std::size_t unit = 0; unit + 1 < modules_.size(); ++unit) x = modules_[unit]->forward(x, asked, nothing);
  if (rows == Rows::last) x = last_rows(x, asked.bounds);
  return modules_.back()->forward(x, asked, nothing);
}

parallel::Unit& TransformerStage::unit(int unit) {
  return *units_.at(static_cast<std::size_t>(unit));
}

at::Tensor TransformerStage::input(int micro_batch) {
  return flights_.at(static_cast<std::size_t>(micro_batch)).batch.tokens;
}

at::Tensor TransformerStage::empty_flow(int micro_batch) {
  const parallel::UnitOptions& types = units_.front()->options();
  const std::int64_t tokens = flights_.at(static_cast<std::size_t>(micro_batch)).batch.tokens.size(0);
  return at::empty({region_.outer_rows(tokens), config_.dim},
                   at::TensorOptions().dtype(types.compute).device(types.device));
}

at::Tensor TransformerStage::forward(int unit, int micro_batch, const at::Tensor& x) {
  Flight& flight = flights_.at(static_cast<std::size_t>(micro_batch));
  const auto index = static_cast<std::size_t>(unit);
  return modules_[index]->forward(x, flight.batch, flight.saved[index]);
}

parallel::Gradient TransformerStage::backward_input(int unit, int micro_batch, const parallel::Gradient& dy) {
  Flight& flight = flights_.at(static_cast<std::size_t>(micro_batch));
  const auto index = static_cast<std::size_t>(unit);
  return modules_[index]->backward(dy, flight.batch, flight.saved[index]);
}

void TransformerStage::backward_weight(int unit, int micro_batch) {
  flights_.at(static_cast<std::size_t>(micro_batch)).saved[static_cast<std::size_t>(unit)].weight_gradients().run();
}

}  // namespace baleen::models
