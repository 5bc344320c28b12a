#include "parallel/unit.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

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

FusedParameters::FusedParameters(std::vector<const Parameter*> parts) : parts_(std::move(parts)) {
  core::require(!parts_.empty(), "a fused group has parameters");
  shape_ = parts_.front()->layout->local_shape;
  for (std::size_t i = 1; i < parts_.size(); ++i) {
    const ParameterLayout& before = *parts_[i - 1]->layout;
    const ParameterLayout& here = *parts_[i]->layout;
    const bool adjacent =
        parts_[i]->gradient_beta == parts_.front()->gradient_beta && here.offset == before.offset + before.elements;
    const bool same_rows =
        std::equal(here.local_shape.begin() + 1, here.local_shape.end(), shape_.begin() + 1, shape_.end());
    core::require(adjacent && same_rows, "fused parameters lie one behind the other and share the row length");
    shape_[0] += here.local_shape[0];
  }
}

at::Tensor FusedParameters::joined(const at::Tensor& first) const {
  std::vector<std::int64_t> strides(shape_.size(), 1);
  for (std::size_t i = shape_.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape_[i];
  return first.as_strided(shape_, strides);
}

at::Tensor FusedParameters::value() const {
  return joined(parts_.front()->value);
}
at::Tensor FusedParameters::grad() const {
  return joined(parts_.front()->grad);
}

Unit::Unit(UnitSpec spec, UnitLayout layout, const UnitOptions& options)
    : spec_(std::move(spec)), layout_(std::move(layout)) {
  core::require(layout_.shards == 1, "every rank holds the whole unit");
  core::require(layout_.parameters.size() == spec_.parameters.size(), "a unit is laid out by its own specification");
  const at::TensorOptions masters = at::TensorOptions().dtype(options.master).device(options.device);
  master_ = at::zeros({layout_.elements}, masters);
  gradient_ = at::zeros({layout_.elements}, masters);
  values_ = options.compute == options.master ? master_ : at::zeros({layout_.elements}, masters.dtype(options.compute));
  parameters_.reserve(spec_.parameters.size());
  for (std::size_t i = 0; i < spec_.parameters.size(); ++i) {
    const ParameterLayout& at = layout_.parameters[i];
    parameters_.push_back({&spec_.parameters[i], &at, values_.narrow(0, at.offset, at.elements).view(at.local_shape),
                           gradient_.narrow(0, at.offset, at.elements).view(at.local_shape), &gradient_beta_});
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

void Unit::initialize(std::uint64_t seed) {
  master_.zero_();
  for (const Parameter& parameter : parameters_) {
    const ParameterLayout& at = *parameter.layout;
    const at::Tensor local = master_.narrow(0, at.offset, at.elements).view(at.local_shape);
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
  publish();
}

void Unit::publish() {
  if (!values_.is_same(master_)) values_.copy_(master_);
}

void Unit::reduce(Communicator& data) {
  core::require(reduction_ == nullptr, "a unit is reduced once per step");
  reduction_ = data.all_reduce(gradient_, ReduceOp::sum);
}

void Unit::wait_reduced() {
  if (reduction_ == nullptr) return;
  reduction_->wait();
  reduction_.reset();
}

}  // namespace baleen::parallel
