#include "optim/gradient_norm.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/exact_squares.h"

namespace baleen::optim {
namespace {

/// Of a unit's buffer.
struct Range {
  std::int64_t begin = 0, end = 0;
};

/// What this rank counts of the elements that it holds: ranks that hold the same ones share the work.
Range counted_range(const parallel::Unit& unit, parallel::Mesh& mesh) {
  const parallel::Communicator& holders = unit.options().zero_stage == 0 ? mesh.data() : mesh.data_replicate();
  const std::int64_t blocks = unit.shard_elements() / parallel::kAlignment;
  const auto cut = [&](int rank) { return unit.shard_begin() + blocks * rank / holders.size() * parallel::kAlignment; };
  return {cut(holders.rank()), cut(holders.rank() + 1)};
}

}  // namespace

GradientNorm::GradientNorm(const std::vector<parallel::Unit*>& units, std::vector<std::string> names,
                           parallel::Mesh& mesh, bool deterministic)
    : units_(units), names_(std::move(names)), mesh_(mesh), deterministic_(deterministic) {
  core::require(!units.empty(), "a gradient norm needs units");
  core::require(static_cast<std::int64_t>(names_.size()) * mesh.dims().world() < kernels::kAllFinite,
                "parameters times ranks are numbered in 32 bits");
  const at::TensorOptions device(units.front()->options().device);
  for (const parallel::Unit* unit : units) {
    tables_.push_back(kernels::make_segment_table(segments(*unit), device.device()));
  }
  squared_norm_ = at::zeros({}, device.dtype(at::kDouble));
  first_nonfinite_ = at::full({}, kernels::kAllFinite, device.dtype(at::kInt));
  sums_ = deterministic ? kernels::make_square_bins(device.device()) : squared_norm_;
}

std::vector<kernels::Segment> GradientNorm::segments(const parallel::Unit& unit) const {
  const parallel::UnitOptions& options = unit.options();
  const Range range = counted_range(unit, mesh_);
  std::vector<kernels::Segment> segments;
  for (const parallel::Parameter& parameter : unit.parameters()) {
    const parallel::ParameterSpec& spec = *parameter.spec;
    const bool counts_here = parallel::holds_first(spec.tensor, options.tensor_degree, options.tensor_rank);
    if (!counts_here || !spec.tied_to.empty()) continue;
    const auto name = std::find(names_.begin(), names_.end(), spec.name);
    core::require(name != names_.end(), "a trained parameter is one of the model's");
    const std::int64_t begin = std::max(parameter.layout->offset, range.begin);
    const std::int64_t end = std::min(parameter.layout->offset + parameter.layout->elements, range.end);
    // Numbered so that the smallest over all ranks is the first parameter, and of its ranks the first.
    const std::int64_t number = (name - names_.begin()) * mesh_.dims().world() + mesh_.world().rank();
    if (begin < end) segments.push_back({begin - unit.shard_begin(), end - begin, static_cast<std::int32_t>(number)});
  }
  return segments;
}

void GradientNorm::compute() {
  sums_.zero_();
  first_nonfinite_.fill_(kernels::kAllFinite);
  const auto add_squares = deterministic_ ? kernels::exact_squares_ : kernels::squared_norm_;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    add_squares(units_[i]->gradient(), tables_[i], sums_, first_nonfinite_);
  }
  parallel::WorkPtr sum, first;
  mesh_.world().group([&] {
    sum = mesh_.world().all_reduce(sums_, parallel::ReduceOp::sum);
    first = mesh_.world().all_reduce(first_nonfinite_, parallel::ReduceOp::min);
  });
  sum->wait();
  first->wait();
  if (deterministic_) kernels::round_square_bins(sums_, squared_norm_);
}

GradientNorm::Place GradientNorm::place(std::int32_t first_nonfinite) const {
  const int world = mesh_.dims().world();
  const std::int32_t name = first_nonfinite / world;
  core::require(first_nonfinite >= 0 && name < static_cast<std::int32_t>(names_.size()),
                "the number is of a parameter");
  return {names_[static_cast<std::size_t>(name)], first_nonfinite % world};
}

}  // namespace baleen::optim
