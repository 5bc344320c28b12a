#include "planner/traffic.h"

#include <algorithm>

#include "planner/units.h"

namespace baleen::planner {
namespace {

using parallel::UnitOp;

class TrafficPlan {
 public:
  TrafficPlan(const PlannedStep& step, int pipeline_rank, bool sums_in_rank_order)
      : step_(step),
        rank_(step.ranks[static_cast<std::size_t>(pipeline_rank)]),
        shape_(compute_shape(step)),
        sums_in_rank_order_(sums_in_rank_order),
        compute_(core::dtype_name(step.config.compute_dtype())),
        master_(core::dtype_name(step.config.precision.master_dtype())),
        gathered_(rank_.units.size()) {}

  parallel::Traffic run() {
    for (const parallel::UnitAction& action : rank_.schedule) {
      const auto unit = static_cast<std::size_t>(action.unit);
      add_action(action.op, unit);
    }
    for (std::size_t unit = 0; unit < rank_.units.size(); ++unit) finish_unit(unit);
    add_tied();
    return std::move(traffic_);
  }

 private:
  void add(const char* axis, const char* collective, const std::string& dtype, std::int64_t bytes) {
    parallel::TrafficVolume& volume = traffic_[{axis, collective, dtype}];
    ++volume.calls;
    volume.bytes += bytes;
  }

  void add_action(UnitOp op, std::size_t unit) {
    const UnitTensorCalls calls = tensor_calls(rank_.units[unit].kind, shape_);
    switch (op) {
      case UnitOp::gather:
        return gather(rank_.units[unit].value_owner);
      case UnitOp::release:
        --gathered_[rank_.units[unit].value_owner];
        return;
      case UnitOp::forward:
        add_tensor(calls.forward);
        if (rank_.units[unit].kind == UnitKind::head) add_loss();
        return;
      case UnitOp::backward_input:
        return add_tensor(calls.backward_input);
      case UnitOp::reduce:
        return reduce(rank_.units[unit]);
      case UnitOp::send_forward:
        return add("forward_edge", "send", compute_, shape_.flow_bytes());
      case UnitOp::send_backward:
        return add("backward_edge", "send", compute_, shape_.flow_bytes());
      default:
        return;
    }
  }

  void gather(std::size_t owner) {
    if (gathered_[owner]++ == 0) gather_values(rank_.units[owner]);
  }

  void gather_values(const PlannedUnit& unit) {
    if (communicates(step_.dims.data_shard))
      add("gathers", "all_gather", compute_, unit.elements() * step_.compute_size());
  }

  void reduce(const PlannedUnit& unit) {
    if (!communicates(step_.dims.data_shard)) return;
    const char* axis = communicates(step_.dims.data_replicate) ? "data_shard" : "data";
    const std::int64_t bytes = unit.elements() * step_.master_size();
    const bool to_shard = step_.zero_stage() > 0;
    const bool narrow = step_.config.precision.gradient_wire == "bf16" && step_.master_size() > 2;
    if (narrow || exchanges_blocks()) {
      add(axis, "all_to_all", narrow ? "bf16" : master_, narrow ? unit.elements() * 2 : bytes);
      if (!to_shard) add(axis, "all_gather", master_, bytes);
    } else {
      add(axis, to_shard ? "reduce_scatter" : "all_reduce", master_, bytes);
    }
  }

  bool exchanges_blocks() const { return step_.config.run.deterministic && !sums_in_rank_order_; }

  /// Once a step, over ranks that all want the whole of it.
  void sum(const char* axis, int ranks, std::int64_t elements) {
    if (!exchanges_blocks()) return add(axis, "all_reduce", master_, elements * step_.master_size());
    const std::int64_t blocks = (elements + ranks - 1) / ranks * ranks;
    add(axis, "all_to_all", master_, blocks * step_.master_size());
    add(axis, "all_gather", master_, blocks * step_.master_size());
  }

  void add_tensor(const TensorCalls& calls) {
    const std::int64_t bytes = shape_.tokens * shape_.dim * shape_.size;
    for (int i = 0; i < calls.gathers; ++i) add("tensor", "all_gather", compute_, bytes);
    const char* sum = shape_.splits_tokens ? "reduce_scatter" : "all_reduce";
    for (int i = 0; i < calls.sums; ++i) add("tensor", sum, compute_, bytes);
  }

  /// Maximum, sum and picked logit of each token, from all parts of the vocabulary.
  void add_loss() {
    if (!communicates(shape_.tensor)) return;
    for (std::int64_t done = 0; done < shape_.tokens; done += shape_.chunk_tokens()) {
      const std::int64_t tokens = std::min(shape_.chunk_tokens(), shape_.tokens - done);
      add("tensor", "all_gather", master_, shape_.tensor * 3 * tokens * shape_.wide);
    }
  }

  /// Once a step: sums between replicas, over the tensor axis, and the new values.
  void finish_unit(std::size_t index) {
    const PlannedUnit& unit = rank_.units[index];
    if (communicates(step_.dims.data_replicate))
      sum("data_replicate", step_.dims.data_replicate, step_.shard_elements(unit));
    using Kind = parallel::TensorPlacement::Kind;
    sum_placed(unit, Kind::replicated_sum, "tensor", step_.dims.tensor);
    sum_placed(unit, Kind::split_groups, "tensor_group", step_.group_ranks());
    if (step_.zero_stage() > 0 && step_.keeps_values() && rank_.owns_values(index)) gather_values(unit);
  }

  /// What shard 0 has of the parameters with this placement.
  void sum_placed(const PlannedUnit& unit, parallel::TensorPlacement::Kind kind, const char* axis, int ranks) {
    const std::int64_t elements = parallel::count_elements(
        parallel::elements_placed(unit.spec, unit.layout, kind, {0, step_.shard_elements(unit)}));
    if (elements > 0 && communicates(ranks)) sum(axis, ranks, elements);
  }

  void add_tied() {
    if (!step_.config.model.tie_embeddings || !communicates(step_.dims.pipeline)) return;
    for (const PlannedUnit& unit : rank_.units)
      if (unit.kind == UnitKind::embedding || unit.kind == UnitKind::head)
        add("pipeline_ends", "all_reduce", master_, step_.shard_elements(unit) * step_.master_size());
  }

  const PlannedStep& step_;
  const PlannedRank& rank_;
  const ComputeShape shape_;
  const bool sums_in_rank_order_;
  const std::string compute_, master_;
  std::vector<int> gathered_;
  parallel::Traffic traffic_;
};

}  // namespace

parallel::Traffic plan_traffic(const PlannedStep& step, int pipeline_rank, bool sums_in_rank_order) {
  return TrafficPlan(step, pipeline_rank, sums_in_rank_order).run();
}

}  // namespace baleen::planner
