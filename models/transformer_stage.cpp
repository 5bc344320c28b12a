#include "models/transformer_stage.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace baleen::models {
namespace {

/// The rows of x that belong to the last token of each sequence.
at::Tensor last_rows(const at::Tensor& x, const kernels::SequenceBounds& bounds) {
  const std::int64_t sequences = static_cast<std::int64_t>(bounds.query_starts.size()) - 1;
  if (sequences == 1) return x.narrow(0, x.size(0) - 1, 1);
  return x.index_select(0, bounds.query_starts_device.narrow(0, 1, sequences) - 1);
}

}  // namespace

TransformerStage::TransformerStage(const ModelConfig& config, const parallel::UnitOptions& unit_options,
                                   const ModuleOptions& module_options)
    : config_(config),
      loss_(at::zeros({}, at::TensorOptions().dtype(at::kDouble).device(unit_options.device))),
      units_(make_llama_units(config, unit_options)),
      modules_(make_llama_modules(config, units_, module_options, loss_)) {}

std::vector<parallel::UnitTraits> TransformerStage::traits() const {
  std::vector<parallel::UnitTraits> traits(units_.size());
  traits.back().backward_in_forward = true;
  return traits;
}

std::vector<parallel::Unit*> TransformerStage::trained_units() const {
  std::vector<parallel::Unit*> trained;
  for (const auto& unit : units_) trained.push_back(unit.get());
  if (config_.tie_embeddings) trained.pop_back();
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

void TransformerStage::add_tied_gradients() {
  if (!config_.tie_embeddings) return;
  for (parallel::Unit* unit : {units_.front().get(), units_.back().get()}) unit->wait_reduced();
  units_.front()->parameter("embed_tokens.weight").grad.add_(units_.back()->parameter("lm_head.weight").grad);
}

void TransformerStage::publish() {
  for (parallel::Unit* unit : trained_units()) unit->publish();
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

at::Tensor TransformerStage::forward(int unit, int micro_batch, const at::Tensor& x) {
  Flight& flight = flights_.at(static_cast<std::size_t>(micro_batch));
  const auto index = static_cast<std::size_t>(unit);
  return modules_[index]->forward(x, flight.batch, flight.saved[index]);
}

at::Tensor TransformerStage::backward_input(int unit, int micro_batch, const at::Tensor& dy) {
  Flight& flight = flights_.at(static_cast<std::size_t>(micro_batch));
  const auto index = static_cast<std::size_t>(unit);
  return modules_[index]->backward(dy, flight.batch, flight.saved[index]);
}

void TransformerStage::backward_weight(int unit, int micro_batch) {
  flights_.at(static_cast<std::size_t>(micro_batch)).saved[static_cast<std::size_t>(unit)].weight_gradients().run();
}

}  // namespace baleen::models
