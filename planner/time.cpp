#include "planner/time.h"

#include <algorithm>

#include "planner/units.h"

namespace baleen::planner {
namespace {

constexpr double kTera = 1e12, kGiga = 1e9, kMicro = 1e-6;

double count(std::int64_t n) {
  return static_cast<double>(n);
}

/// An axis of the mesh on the machine: neighbours on it are `stride` ranks apart.
struct Axis {
  int ranks = 1;
  int stride = 1;
};

class Rates {
 public:
  Rates(const Hardware& hardware, const Config& config) : hardware_(hardware), config_(config) {}

  double seconds(const Work& work) const {
    const ComputeTable& table = hardware_.compute;
    const bool small = config_.model.head_dim() <= 64;
    const double forward = small ? table.attention_forward_64_tflops : table.attention_forward_128_tflops;
    const double backward = small ? table.attention_backward_64_tflops : table.attention_backward_128_tflops;
    const double gemm = gemm_tflops();
    return work.gemm_flops / (gemm * kTera) + work.fp8_flops / (fp8_tflops() * kTera) +
           work.attention_forward_flops / (std::min(forward, half() ? forward : gemm) * kTera) +
           work.attention_backward_flops / (std::min(backward, half() ? backward : gemm) * kTera) +
           work.moved_bytes / (table.copy_tb_per_second * table.copy_efficiency * kTera) +
           work.kernels * table.kernel_us * kMicro;
  }

  double all_gather(Axis axis, std::int64_t bytes) const {
    return collective(axis, bytes, hardware_.network.all_gather_gb_per_second, 1);
  }
  double reduce_scatter(Axis axis, std::int64_t bytes) const {
    return collective(axis, bytes, hardware_.network.reduce_scatter_gb_per_second, 1);
  }
  double all_to_all(Axis axis, std::int64_t bytes) const {
    return collective(axis, bytes, hardware_.network.all_to_all_gb_per_second, 1);
  }
  double all_reduce(Axis axis, std::int64_t bytes) const {
    return collective(axis, bytes, hardware_.network.all_reduce_gb_per_second, 2);
  }
  double message(Axis axis, std::int64_t bytes) const {
    if (axis.ranks == 1) return 0;
    const double inside = hardware_.network.message_gb_per_second;
    const bool leaves = axis.stride * axis.ranks > hardware_.network.gpus_per_node;
    const double rate = leaves ? std::min(inside, hardware_.network.between_nodes_gb_per_second) : inside;
    return count(bytes) / (rate * kGiga) + hardware_.network.latency_us * kMicro;
  }

 private:
  bool half() const { return core::dtype_size(config_.compute_dtype()) == 2; }
  double fp8_tflops() const {
    const bool block = config_.precision.fp8_recipe == "block";
    return block ? hardware_.compute.gemm_fp8_block_tflops : hardware_.compute.gemm_fp8_tensor_tflops;
  }
  double gemm_tflops() const {
    const ComputeTable& table = hardware_.compute;
    if (half()) return table.gemm_half_tflops;
    return config_.compute_dtype() == core::DType::f64 ? table.gemm_fp64_tflops : table.gemm_fp32_tflops;
  }

  /// passes: how often each byte travels the ring.
  double collective(Axis axis, std::int64_t bytes, double gb_per_second, int passes) const {
    if (axis.ranks == 1) return 0;
    const double share = count(axis.ranks - 1) / count(axis.ranks);
    return passes * share * count(bytes) / (bandwidth(axis, gb_per_second) * kGiga) +
           hardware_.network.latency_us * kMicro;
  }

  /// A ring that leaves the node crosses the border over the adapters of its ranks in that node.
  double bandwidth(Axis axis, double inside) const {
    const NetworkTable& network = hardware_.network;
    if (axis.stride * axis.ranks <= network.gpus_per_node) return inside;
    const int together = std::max(1, network.gpus_per_node / axis.stride);
    return std::min(inside, together * network.between_nodes_gb_per_second);
  }

  const Hardware& hardware_;
  const Config& config_;
};

/// The units of a step in seconds.
class Clock {
 public:
  Clock(const PlannedStep& step, const Hardware& hardware)
      : step_(step), rates_(hardware, step.config), shape_(compute_shape(step)) {
    const parallel::ParallelDims& dims = step.dims;
    tensor_ = {dims.tensor, 1};
    shard_ = {dims.data_shard, dims.tensor * dims.context};
    replicate_ = {dims.data_replicate, shard_.stride * dims.data_shard};
    pipeline_ = {dims.pipeline, replicate_.stride * dims.data_replicate};
  }

  parallel::UnitCosts costs(const PlannedUnit& unit) const {
    const UnitWork work = unit_work(unit.kind, shape_);
    const UnitTensorCalls calls = tensor_calls(unit.kind, shape_);
    const ActivationBytes bytes = activation_bytes(unit.kind, shape_);
    parallel::UnitCosts costs;
    costs.forward = rates_.seconds(work.forward) + tensor_seconds(calls.forward);
    costs.backward_input = rates_.seconds(work.backward_input) + tensor_seconds(calls.backward_input);
    costs.backward_weight = rates_.seconds(work.backward_weight);
    costs.gather = gather(unit);
    costs.reduce = reduce(unit);
    costs.activation_bytes = bytes.saved;
    costs.operand_bytes = bytes.operands;
    costs.gathered_bytes = unit.elements() * step_.compute_size();
    return costs;
  }

  double message() const { return rates_.message(pipeline_, shape_.flow_bytes()); }

  /// After the last reduction of a rank: until the next step's compute begins.
  double update(const PlannedRank& rank) const {
    std::int64_t shard = 0, gradients = 0;
    double seconds = 0;
    for (std::size_t i = 0; i < rank.units.size(); ++i) {
      const PlannedUnit& unit = rank.units[i];
      const std::int64_t elements = step_.shard_elements(unit);
      gradients += elements;
      if (rank.owns_values(i)) shard += elements;
      seconds += rates_.all_reduce(replicate_, elements * step_.master_size());
      const bool end = unit.kind == UnitKind::embedding || unit.kind == UnitKind::head;
      if (end && step_.config.model.tie_embeddings && communicates(step_.dims.pipeline))
        seconds += rates_.all_reduce({2, pipeline_.stride * (pipeline_.ranks - 1)}, elements * step_.master_size());
    }
    const std::int64_t moments = step_.config.optimizer.name == "adamw" ? 2 : 1;
    Work work;  // the norm reads gradients; the optimizer reads them again and reads and writes its state
    work.moved_bytes = count(gradients * step_.master_size()) +
                       count(shard * (step_.master_size() * (3 + 2 * moments) + step_.compute_size()));
    work.moved_bytes += count(fp8_elements(step_, rank)) * 2 * count(step_.compute_size() + 1);  // weights, both ways
    work.kernels = 20;
    return seconds + rates_.seconds(work) + unhidden_publish(rank);
  }

 private:
  double tensor_seconds(const TensorCalls& calls) const {
    const std::int64_t bytes = shape_.tokens * shape_.dim * shape_.size;
    const double sum = shape_.splits_tokens ? rates_.reduce_scatter(tensor_, bytes) : rates_.all_reduce(tensor_, bytes);
    return calls.gathers * rates_.all_gather(tensor_, bytes) + calls.sums * sum;
  }

  double gather(const PlannedUnit& unit) const {
    return rates_.all_gather(shard_, unit.elements() * step_.compute_size());
  }

  double reduce(const PlannedUnit& unit) const {
    const std::int64_t bytes = unit.elements() * step_.master_size();
    const bool to_shard = step_.zero_stage() > 0;
    const bool narrow = step_.config.precision.gradient_wire == "bf16";
    if (!narrow && !step_.config.run.deterministic)
      return to_shard ? rates_.reduce_scatter(shard_, bytes) : rates_.all_reduce(shard_, bytes);
    const double exchanged = rates_.all_to_all(shard_, narrow ? unit.elements() * 2 : bytes);
    return exchanged + (to_shard ? 0 : rates_.all_gather(shard_, bytes));
  }

  /// New values are gathered while the first forward runs: what it waits for.
  double unhidden_publish(const PlannedRank& rank) const {
    if (step_.zero_stage() == 0 || !step_.keeps_values()) return 0;
    double gathered = 0, computed = 0, waited = 0;
    for (const PlannedUnit& unit : rank.units) {
      gathered += gather(unit);
      waited = std::max(waited, gathered - computed);
      computed += costs(unit).forward;
    }
    return waited;
  }

  const PlannedStep& step_;
  const Rates rates_;
  const ComputeShape shape_;
  Axis tensor_, shard_, replicate_, pipeline_;
};

double slowest_update(const PlannedStep& step, const Clock& clock) {
  double update = 0;
  for (const PlannedRank& rank : step.ranks) update = std::max(update, clock.update(rank));
  return update;
}

std::vector<parallel::SimulatedRank> simulated_ranks(const PlannedStep& step, const Clock& clock) {
  std::vector<parallel::SimulatedRank> ranks;
  for (const PlannedRank& rank : step.ranks) {
    std::vector<parallel::UnitCosts> costs;
    for (const PlannedUnit& unit : rank.units) costs.push_back(clock.costs(unit));
    ranks.push_back({rank.schedule, rank.traits, std::move(costs)});
  }
  return ranks;
}

}  // namespace

StepTime plan_time(const PlannedStep& step, const Hardware& hardware) {
  const Clock clock(step, hardware);
  parallel::SimulationOptions options;
  options.micro_batches = step.micro_batches();
  options.lowering = step.plan.lowering;
  options.message = clock.message();
  StepTime time;
  time.simulation = parallel::simulate(simulated_ranks(step, clock), options);
  time.update = slowest_update(step, clock);
  return time;
}

double least_time(const PlannedStep& step, const Hardware& hardware) {
  const Clock clock(step, hardware);
  const int stages = step.plan.shape.stages();
  std::vector<double> through(
      static_cast<std::size_t>(stages));  // one micro-batch, there and back, without weight parts
  std::vector<double> whole(through.size());
  for (const PlannedRank& rank : step.ranks) {
    for (std::size_t i = 0; i < rank.units.size(); ++i) {
      const parallel::UnitCosts costs = clock.costs(rank.units[i]);
      const auto stage = static_cast<std::size_t>(rank.traits[i].stage);
      through[stage] += costs.forward + costs.backward_input;
      whole[stage] += costs.forward + costs.backward_input + costs.backward_weight;
    }
  }
  double before = 0, least = 0;
  for (int rank = 0; rank < step.dims.pipeline; ++rank) {
    double busy = 0;
    for (int stage = rank; stage < stages; stage += step.dims.pipeline) busy += whole[static_cast<std::size_t>(stage)];
    least = std::max(least, before + step.micro_batches() * busy);
    before += through[static_cast<std::size_t>(rank)];
  }
  return least + slowest_update(step, clock);
}

double tokens_per_second_per_gpu(const PlannedStep& step, double step_seconds) {
  return count(step.config.training.tokens_per_step()) / step_seconds / step.dims.world();
}

}  // namespace baleen::planner
