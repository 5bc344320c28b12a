#include "parallel/unit.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "core/error.h"
#include "core/philox.h"
#include "kernels/random_fill.h"

namespace baleen::parallel {
namespace {

bool ends_in(const std::string& name, const std::string& suffix) {
  if (name.size() == suffix.size()) return name == suffix;
  return name.size() > suffix.size() && name.ends_with(suffix) && name[name.size() - suffix.size() - 1] == '.';
}

/// Rows of `spec` on this rank that are not padding.
std::int64_t true_rows(const ParameterSpec& spec, const ParameterLayout& layout) {
  return std::clamp<std::int64_t>(spec.shape[0] - layout.first_row, 0, layout.local_shape[0]);
}

/// `local`: the masters of one parameter, in its local shape, zero on entry.
void fill_normal(const at::Tensor& local, const ParameterSpec& spec, const ParameterLayout& layout,
                 std::uint64_t seed) {
  const std::string& name = spec.tied_to.empty() ? spec.name : spec.tied_to;
  const core::RandomStream stream = core::random_stream(seed, core::RandomPurpose::initialization, 0, name);
  const at::Tensor rows = local.narrow(0, 0, true_rows(spec, layout));
  const bool whole_rows = layout.local_shape.size() < 2 || layout.local_shape[1] == spec.shape[1];
  if (whole_rows) {
    kernels::fill_normal_(rows.view(-1), spec.init.std, stream, layout.first_row * spec.row_elements());
    return;
  }
  // Split along columns: made whole and cut, rather than with one call per row.
  const at::Tensor whole = at::empty(spec.shape, local.options());
  kernels::fill_normal_(whole.view(-1), spec.init.std, stream, 0);
  rows.copy_(whole.narrow(1, layout.first_column, layout.local_shape[1]));
}

}  // namespace

Unit::Unit(UnitSpec spec, const UnitOptions& options)
    : spec_(std::move(spec)),
      options_(options),
      layout_(layout_unit(spec_, options.tensor_degree, options.tensor_rank, options.shards)) {
  parameters_.reserve(spec_.parameters.size());
  std::int64_t end = 0;
  for (std::size_t i = 0; i < spec_.parameters.size(); ++i) {
    const ParameterLayout& at = layout_.parameters[i];
    parameters_.push_back({&spec_.parameters[i], &at, {}, {}, &gradient_beta_, options.master, {}});
    if (at.offset > end) gaps_.emplace_back(end, at.offset);
    end = at.offset + at.elements;
  }
  if (layout_.elements > end) gaps_.emplace_back(end, layout_.elements);
  allocate();
}

void Unit::allocate() {
  const at::TensorOptions wide = at::TensorOptions().dtype(options_.master).device(options_.device);
  const bool one_type = options_.compute == options_.master;
  if (keeps_values()) values_ = at::zeros({layout_.elements}, wide.dtype(options_.compute));
  master_ = keeps_values() && one_type ? part_of_shard(values_) : at::zeros({shard_elements()}, wide);
  if (keeps_values()) point(&Parameter::value, values_);
  if (!options_.trained) return;
  if (shares_gradient_buffer()) {
    share_gradient_buffer(at::zeros({layout_.elements}, wide));
  } else {
    gradient_ = at::zeros_like(master_);
  }
}

void Unit::share_gradient_buffer(at::Tensor whole) {
  written_ = std::move(whole);
  gradient_ = part_of_shard(written_);
  point(&Parameter::grad, written_);
}

std::int64_t Unit::shard_begin() const {
  return options_.zero_stage == 0 ? 0 : options_.shard_rank * layout_.shard_elements();
}

std::int64_t Unit::shard_elements() const {
  return options_.zero_stage == 0 ? layout_.elements : layout_.shard_elements();
}

at::Tensor Unit::part_of_shard(const at::Tensor& whole) const {
  return whole.narrow(0, shard_begin(), shard_elements());
}

at::Tensor Unit::shard_values() const {
  return keeps_values() ? part_of_shard(values_) : at::Tensor();
}

void Unit::point(at::Tensor Parameter::*view, const at::Tensor& flat) {
  for (Parameter& parameter : parameters_) {
    const ParameterLayout& at = *parameter.layout;
    parameter.*view = flat.defined() ? flat.narrow(0, at.offset, at.elements).view(at.local_shape) : at::Tensor();
  }
}

const Parameter& Unit::parameter(const std::string& suffix) const {
  const Parameter* found = nullptr;
  for (const Parameter& parameter : parameters_) {
    if (!ends_in(parameter.spec->name, suffix)) continue;
    core::require(found == nullptr, "one parameter of a unit matches a suffix");
    found = &parameter;
  }
  if (found == nullptr)
    throw core::Error(core::ExitCode::internal, "internal error: the unit " + spec_.name + " has no " + suffix);
  return *found;
}

FusedParameters Unit::fused(const std::vector<std::string>& suffixes) const {
  std::vector<const Parameter*> parts;
  parts.reserve(suffixes.size());
  for (const std::string& suffix : suffixes) parts.push_back(&parameter(suffix));
  return FusedParameters(std::move(parts));
}

UnitBytes Unit::bytes() const {
  UnitBytes bytes;
  if (master_.defined()) bytes.masters = static_cast<std::int64_t>(master_.nbytes());
  if (keeps_values() && values_.defined()) {
    bytes.values = static_cast<std::int64_t>(values_.nbytes());
    if (values_.is_alias_of(master_)) bytes.values -= bytes.masters;
  }
  if (options_.trained) {
    const std::int64_t elements = shares_gradient_buffer() ? layout_.elements : shard_elements();
    bytes.gradients = elements * static_cast<std::int64_t>(at::elementSize(options_.master));
  }
  if (keeps_values()) bytes.values += fp8_.bytes();
  return bytes;
}

void Unit::keep_in_fp8(const FusedParameters& matrix, kernels::Fp8Recipe recipe) {
  const std::ptrdiff_t index = matrix.parts().front() - parameters_.data();
  core::require(index >= 0 && index < std::ssize(parameters_), "a unit keeps its own matrices in FP8");
  fp8_.keep(parameters_[static_cast<std::size_t>(index)], matrix, recipe);
}

void Unit::initialize(std::uint64_t seed) {
  const at::Tensor whole = at::zeros({layout_.elements}, master_.options());
  for (const Parameter& parameter : parameters_) {
    const ParameterLayout& at = *parameter.layout;
    const at::Tensor local = whole.narrow(0, at.offset, at.elements).view(at.local_shape);
    switch (parameter.spec->init.kind) {
      case Initializer::Kind::normal:
        fill_normal(local, *parameter.spec, at, seed);
        break;
      case Initializer::Kind::ones:
        local.narrow(0, 0, true_rows(*parameter.spec, at)).fill_(1);
        break;
      case Initializer::Kind::zeros:
        break;
    }
  }
  master_.copy_(part_of_shard(whole));
  round_masters();
}

void Unit::round_masters() {
  const at::Tensor values = shard_values();
  if (values.defined() && options_.compute != options_.master) values.copy_(master_);
  if (gathered_ == 0) drop_values();  // of gather_ahead()
  fp8_.outdate();
}

void Unit::publish(Communicator& gathers) {
  fp8_.outdate();
  if (options_.zero_stage == 0 || !keeps_values() || value_owner_ != nullptr) return;
  finish_gathering();
  gathering_ = gathers.all_gather(values_, shard_values());
}

// [walkthrough: gather]
void Unit::gather(Communicator& gathers) {
  if (value_owner_ != nullptr) return value_owner_->gather(gathers);
  if (keeps_values()) return;
  ++gathered_;
  gather_ahead(gathers);
}

void Unit::gather_ahead(Communicator& gathers) {
  if (value_owner_ != nullptr) return value_owner_->gather_ahead(gathers);
  if (values_.defined()) return;
  values_ = gathers.empty_for_gather(layout_.elements, master_.options().dtype(options_.compute));
  const at::Tensor mine = part_of_shard(values_);
  mine.copy_(master_);
  gathering_ = gathers.all_gather(values_, mine);
  point(&Parameter::value, values_);
}
// [end]

void Unit::await_values() {
  if (value_owner_ != nullptr) return value_owner_->await_values();
  finish_gathering();
  fp8_.refresh();
}

void Unit::finish_gathering() {
  if (gathering_ == nullptr) return;
  gathering_->wait();
  gathering_.reset();
}

void Unit::release() {
  if (value_owner_ != nullptr) return value_owner_->release();
  if (keeps_values()) return;
  core::require(gathered_ > 0, "a unit is released as often as it was gathered");
  if (--gathered_ == 0) drop_values();
}

void Unit::drop_values() {
  if (keeps_values() || !values_.defined()) return;
  finish_gathering();
  fp8_.drop();
  point(&Parameter::value, at::Tensor());
  values_.reset();
}

void Unit::share_values_of(Unit& owner) {
  value_owner_ = &owner;
  point(&Parameter::value, at::Tensor());
  values_.reset();
  master_.reset();
}

void Unit::zero_gradients() {
  gradient_beta_ = 0.0;
  point(&Parameter::grad, at::Tensor());
  written_.reset();
  gradient_.reset();
}

void Unit::begin_gradient() {
  if (shares_gradient_buffer() && written_.defined()) return;
  finish_reduction();
  at::Tensor whole = at::empty({layout_.elements}, at::TensorOptions().dtype(options_.master).device(options_.device));
  for (const auto& [begin, end] : gaps_) whole.narrow(0, begin, end - begin).zero_();
  if (shares_gradient_buffer()) return share_gradient_buffer(std::move(whole));
  written_ = std::move(whole);
  point(&Parameter::grad, written_);
  gradient_beta_ = 0.0;
}

void Unit::end_gradient() {
  gradient_beta_ = 1.0;
}

void Unit::reduce(Communicator& data_shard) {
  core::require(reduction_ == nullptr, "a unit's gradients are reduced one after the other");
  core::require(options_.zero_stage == 0 || data_shard.size() == options_.shards,
                "a unit is cut over the ranks that sum its gradients");
  const ReductionOptions options{.to_shard = options_.zero_stage > 0,
                                 .in_place = shares_gradient_buffer(),
                                 .in_rank_order = options_.ordered_sums,
                                 .wire = options_.gradient_wire};
  reduction_ = std::make_unique<GradientReduction>(written_, data_shard, options);
  if (shares_gradient_buffer()) return;
  point(&Parameter::grad, at::Tensor());
  written_.reset();  // the reduction holds it as long as it needs it
}

void Unit::finish_reduction() {
  if (reduction_ == nullptr) return;
  at::Tensor sum = reduction_->finish();
  reduction_.reset();
  if (shares_gradient_buffer()) return;  // summed in place
  if (gradient_.defined()) {
    gradient_.add_(sum);
  } else {
    gradient_ = std::move(sum);
  }
}

}  // namespace baleen::parallel
