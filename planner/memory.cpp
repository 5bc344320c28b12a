#include "planner/memory.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "parallel/buffer_pool.h"
#include "planner/communicators.h"
#include "planner/units.h"

namespace baleen::planner {
namespace {

using parallel::UnitAction;
using parallel::UnitOp;

constexpr std::int64_t kFp8Ways = 2;  // a weight's bytes and their transpose
constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
std::int64_t bytes_of(double gib) {
  return static_cast<std::int64_t>(gib * kGib);
}

/// Follows the list of one rank and keeps the moment with the most.
class PeakWalk {
 public:
  PeakWalk(const PlannedStep& step, const PlannedRank& rank, bool gathers_in_pool)
      : step_(step),
        rank_(rank),
        gathers_in_pool_(gathers_in_pool),
        shape_(compute_shape(step)),
        whole_(rank.units.size()),
        has_gradient_(rank.units.size()) {
    for (const PlannedUnit& unit : rank.units) bytes_.push_back(activation_bytes(unit.kind, shape_));
    now_.activations = flows_under_way() * shape_.flow_bytes();
  }

  /// Puts the classes of that moment into `memory`.
  void run(RankMemory& memory) {
    for (const UnitAction& action : rank_.schedule) {
      if (action.writes_gradient) begin_gradient(action);
      run(action);
    }
    finish_gradients();
    memory.gradients = peak_.gradients;
    memory.activations = peak_.activations;
    memory.loss = peak_.loss;
    memory.gathered = peak_.gathered;
    memory.gather_pool = pool_.bytes();
    memory.gradient_buffers = peak_.gradient_buffers;
  }

 private:
  struct Moment {
    std::int64_t gradients = 0, activations = 0, loss = 0, gathered = 0, gradient_buffers = 0;
    std::int64_t total() const { return gradients + activations + loss + gathered + gradient_buffers; }
  };
  struct Reduction {
    std::size_t unit;
    std::int64_t bytes;  // of buffers that end with it
  };

  /// Tensors of messages, at most: those on their way out of this rank, and one arriving in each direction.
  std::int64_t flows_under_way() const {
    const auto count = [&](UnitOp op, std::int64_t most) {
      return std::min<std::int64_t>(std::ranges::count(rank_.schedule, op, &UnitAction::op), most);
    };
    return count(UnitOp::send_forward, parallel::kSendsUnderWay) +
           count(UnitOp::send_backward, parallel::kSendsUnderWay) + count(UnitOp::recv_forward, 1) +
           count(UnitOp::recv_backward, 1);
  }

  void note(Moment moment) {
    if (moment.total() > peak_.total()) peak_ = moment;
  }

  void run(const UnitAction& action) {
    const auto unit = static_cast<std::size_t>(action.unit);
    const ActivationBytes& bytes = bytes_[unit];
    Moment at = now_;
    switch (action.op) {
      case UnitOp::gather:
        if (!step_.keeps_values() && whole_[owner(unit)]++ == 0) gather(rank_.units[owner(unit)]);
        break;
      case UnitOp::release:
        if (!step_.keeps_values() && --whole_[owner(unit)] == 0) release(rank_.units[owner(unit)]);
        break;
      case UnitOp::forward:
        now_.activations += bytes.saved;
        at = now_;
        (rank_.units[unit].kind == UnitKind::head ? at.loss : at.activations) += bytes.forward_working;
        break;
      case UnitOp::backward_input:
        at.activations += bytes.backward_working;
        now_.activations += bytes.operands - bytes.saved;
        break;
      case UnitOp::backward_weight:
        now_.activations -= bytes.operands;
        break;
      case UnitOp::reduce:
        start_reduction(unit);
        break;
      default:
        break;
    }
    note(at);
    note(now_);
  }

  std::size_t owner(std::size_t unit) const { return rank_.units[unit].value_owner; }

  void gather(const PlannedUnit& unit) {
    const std::int64_t bytes = unit.elements() * step_.compute_size();
    if (gathers_in_pool_) pool_.take(bytes, [](std::int64_t) { return 0; });
    now_.gathered += kFp8Ways * fp8_elements(step_, unit) + (gathers_in_pool_ ? 0 : bytes);
  }
  void release(const PlannedUnit& unit) {
    const std::int64_t bytes = unit.elements() * step_.compute_size();
    if (gathers_in_pool_) pool_.give_back(0, bytes);
    now_.gathered -= kFp8Ways * fp8_elements(step_, unit) + (gathers_in_pool_ ? 0 : bytes);
  }

  std::int64_t gradient_bytes(std::size_t unit) const { return rank_.units[unit].elements() * step_.master_size(); }

  // As the executor's Reductions: of gradients summed each micro-batch, at most one buffer is written while one is
  // summed. Those summed once a step are under way until its end.

  void begin_gradient(const UnitAction& action) {
    const auto unit = static_cast<std::size_t>(action.unit);
    if (step_.reduces_each_micro_batch()) {
      make_room(unit);
      now_.gradient_buffers += gradient_bytes(unit);
    } else if (is_first_gradient(unit)) {
      now_.gradients += gradient_bytes(unit);
    }
  }

  bool is_first_gradient(std::size_t unit) {
    const bool first = !has_gradient_[unit];
    has_gradient_[unit] = true;
    return first;
  }

  void start_reduction(std::size_t unit) {
    make_room(unit);
    std::int64_t ending = exchanged_bytes(unit);
    now_.gradient_buffers += ending;
    if (step_.reduces_each_micro_batch()) {
      // The unit keeps the first sum and adds the others to it. In ZeRO-0 it is in what was written.
      const bool keeps = is_first_gradient(unit), in_place = step_.zero_stage() == 0;
      const std::int64_t sum = step_.shard_elements(rank_.units[unit]) * step_.master_size();
      (keeps ? now_.gradients : now_.gradient_buffers) += sum;
      if (in_place) now_.gradient_buffers -= sum;
      ending += (in_place ? 0 : gradient_bytes(unit)) + (keeps ? 0 : sum);
    }
    reductions_.push_back({unit, ending});
  }

  void make_room(std::size_t unit) {
    if (!step_.reduces_each_micro_batch()) return;
    while (reductions_.size() > 1 || (!reductions_.empty() && reductions_.front().unit == unit)) {
      now_.gradient_buffers -= reductions_.front().bytes;
      reductions_.pop_front();
    }
  }

  /// As TransformerStage::finish_gradients: what is left under way ends unit by unit, and the sums over replicas
  /// follow, two at a time.
  void finish_gradients() {
    std::int64_t before = 0;
    for (std::size_t unit = 0; unit < rank_.units.size(); ++unit) {
      if (const auto found = std::ranges::find(reductions_, unit, &Reduction::unit); found != reductions_.end()) {
        now_.gradient_buffers -= found->bytes;
        reductions_.erase(found);
      }
      const std::int64_t blocks = replica_bytes(unit);
      now_.gradient_buffers += blocks;
      note(now_);
      now_.gradient_buffers -= before;
      before = blocks;
    }
    now_.gradient_buffers -= before;
    sum_over_tensor();
  }

  std::int64_t replica_bytes(std::size_t unit) const {
    return ordered_sum_bytes(step_.shard_elements(rank_.units[unit]), step_.dims.data_replicate);
  }

  /// Blocks that ranks exchange where they add in rank order: what is received, and sent too where it is filled up to
  /// equal blocks.
  std::int64_t ordered_sum_bytes(std::int64_t elements, int ranks) const {
    if (!communicates(ranks) || !step_.config.run.deterministic) return 0;
    const std::int64_t blocks = (elements + ranks - 1) / ranks * ranks;
    return blocks * step_.master_size() * (blocks == elements ? 1 : 2);
  }

  /// As parallel::sum_over_tensor: one sum at a time.
  void sum_over_tensor() {
    using Kind = parallel::TensorPlacement::Kind;
    Moment at = now_;
    for (std::size_t unit = 0; unit < rank_.units.size(); ++unit) {
      if (unit > 0 && rank_.units[unit].kind == rank_.units[unit - 1].kind) continue;  // layers are alike
      for (const auto& [kind, ranks] :
           {std::pair(Kind::replicated_sum, step_.dims.tensor), std::pair(Kind::split_groups, step_.group_ranks())}) {
        at.gradient_buffers = now_.gradient_buffers + placed_sum_bytes(rank_.units[unit], kind, ranks);
        note(at);
      }
    }
  }

  /// On the shard that holds the most of these parameters. Several ranges of them travel as one copy.
  std::int64_t placed_sum_bytes(const PlannedUnit& unit, parallel::TensorPlacement::Kind kind, int ranks) const {
    if (!communicates(ranks)) return 0;
    const std::int64_t shard = step_.shard_elements(unit);
    std::int64_t most = 0;
    for (std::int64_t begin = 0; begin < unit.elements(); begin += shard) {
      const auto ranges = parallel::elements_placed(unit.spec, unit.layout, kind, {begin, begin + shard});
      const std::int64_t elements = parallel::count_elements(ranges);
      const std::int64_t copied = ranges.size() > 1 ? elements * step_.master_size() : 0;
      most = std::max(most, copied + ordered_sum_bytes(elements, ranks));
    }
    return most;
  }

  /// Sent and received blocks, where the reduction is an exchange.
  std::int64_t exchanged_bytes(std::size_t unit) const {
    if (!communicates(step_.dims.data_shard)) return 0;
    const bool narrow = step_.config.precision.gradient_wire == "bf16";
    if (narrow) return 2 * 2 * rank_.units[unit].elements();
    return step_.config.run.deterministic ? gradient_bytes(unit) : 0;
  }

  const PlannedStep& step_;
  const PlannedRank& rank_;
  const bool gathers_in_pool_;
  const ComputeShape shape_;
  std::vector<ActivationBytes> bytes_;
  std::vector<int> whole_;  // how often each unit is gathered
  parallel::BufferPool<int> pool_;
  std::vector<bool> has_gradient_;
  std::deque<Reduction> reductions_;
  Moment now_, peak_;
};

}  // namespace

RankMemory plan_states(const PlannedStep& step, int pipeline_rank) {
  const PlannedRank& rank = step.ranks[static_cast<std::size_t>(pipeline_rank)];
  const bool one_type = step.compute_size() == step.master_size();
  const std::int64_t moments = step.config.optimizer.name == "adamw" ? 2 : 1;
  RankMemory memory;
  for (std::size_t i = 0; i < rank.units.size(); ++i) {
    const PlannedUnit& unit = rank.units[i];
    const std::int64_t shard = step.shard_elements(unit) * step.master_size();
    memory.gradients += step.reduces_each_micro_batch() ? shard : unit.elements() * step.master_size();
    if (!rank.owns_values(i)) continue;
    memory.masters += shard;
    memory.optimizer += moments * shard;
    if (!step.keeps_values()) continue;
    memory.values +=
        unit.elements() * step.compute_size() - (one_type ? shard : 0) + kFp8Ways * fp8_elements(step, unit);
  }
  return memory;
}

RankMemory plan_memory(const PlannedStep& step, int pipeline_rank, const FootprintTable& footprint, int gpus_per_node) {
  RankMemory memory = plan_states(step, pipeline_rank);
  memory.workspace = bytes_of(footprint.workspace_gib);
  const parallel::ParallelDims& dims = step.dims;
  const bool on_one_host = dims.tensor * dims.context * dims.data_shard <= gpus_per_node;
  PeakWalk(step, step.ranks[static_cast<std::size_t>(pipeline_rank)], communicates(dims.data_shard) && on_one_host)
      .run(memory);
  memory.communicators = bytes_of(communicators_gib(step, pipeline_rank, footprint));
  memory.context = bytes_of(footprint.context_gib);
  const std::int64_t of_libtorch = memory.allocator() - memory.gather_pool;  // the pool is NCCL's
  memory.reserve = static_cast<std::int64_t>(footprint.reserve_share * static_cast<double>(of_libtorch));
  return memory;
}

std::int64_t parameters_held(const PlannedRank& rank) {
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < rank.units.size(); ++i) {
    if (!rank.owns_values(i)) continue;
    for (const parallel::ParameterLayout& parameter : rank.units[i].layout.parameters) elements += parameter.elements;
  }
  return elements;
}

}  // namespace baleen::planner
