#include "parallel/schedule_proof.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "parallel/schedule_edges.h"

namespace baleen::parallel {
namespace {

constexpr int kOps = static_cast<int>(UnitOp::recv_backward) + 1;

class RankProof {
 public:
  RankProof(const SimulatedRank& rank, int index, const std::vector<int>& stage_ranks, const SimulationOptions& options)
      : rank_(rank),
        index_(index),
        stage_ranks_(stage_ranks),
        options_(options),
        sharded_(options.lowering.gathers && options.lowering.regather != Regather::never),
        gathered_(rank.units.size()),
        gradients_(rank.units.size()),
        reductions_(rank.units.size()),
        next_micro_batch_(kOps * rank.units.size()),
        done_(kOps * rank.units.size() * static_cast<std::size_t>(options.micro_batches)) {}

  void run() {
    for (const UnitAction& action : rank_.schedule) {
      at_ = &action;
      expect(action.unit >= 0 && action.unit < units() && action.micro_batch >= 0 &&
                 action.micro_batch < options_.micro_batches,
             "names no unit or micro-batch of the step");
      check(action);
    }
    at_ = nullptr;
    for (int unit = 0; unit < units(); ++unit) check_complete(unit);
  }

 private:
  int units() const { return static_cast<int>(rank_.units.size()); }
  const UnitTraits& traits(int unit) const { return rank_.units[static_cast<std::size_t>(unit)]; }
  int stage(int unit) const { return traits(unit).stage; }
  bool is_first(int unit) const { return unit == 0 || stage(unit - 1) != stage(unit); }
  bool is_last(int unit) const { return unit + 1 == units() || stage(unit + 1) != stage(unit); }

  void expect(bool holds, std::string_view fault) const {
    if (holds) return;
    const std::string where = at_ == nullptr ? "at its end" : "\"" + str(*at_) + "\"";
    throw core::Error(core::ExitCode::internal, fmt::format("schedule of rank {}, {}: {}", index_, where, fault),
                      "report this with the run's configuration");
  }

  std::size_t slot(UnitOp op, int unit) const {
    return static_cast<std::size_t>(op) * rank_.units.size() + static_cast<std::size_t>(unit);
  }
  std::vector<bool>::reference done(UnitOp op, int unit, int micro_batch) {
    return done_[slot(op, unit) * static_cast<std::size_t>(options_.micro_batches) +
                 static_cast<std::size_t>(micro_batch)];
  }
  bool made_gradient(int unit, int micro_batch) {
    return done(traits(unit).backward_in_forward ? UnitOp::forward : UnitOp::backward_input, unit, micro_batch);
  }

  void check(const UnitAction& action) {
    switch (action.op) {
      case UnitOp::gather:
        return gather(action.unit);
      case UnitOp::release:
        return release(action.unit);
      case UnitOp::reduce:
        return reduce(action.unit);
      default:
        break;
    }
    expect(!done(action.op, action.unit, action.micro_batch), "comes twice");
    switch (action.op) {
      case UnitOp::forward:
        forward(action);
        break;
      case UnitOp::backward_input:
        backward_input(action);
        break;
      case UnitOp::backward_weight:
        expect(done(UnitOp::backward_input, action.unit, action.micro_batch), "comes before its backward_input");
        break;
      default:
        message(action);
    }
    done(action.op, action.unit, action.micro_batch) = true;
    const bool writes = action.op == UnitOp::backward_weight ||
                        (action.op == UnitOp::forward && traits(action.unit).backward_in_forward && options_.trains);
    expect(action.writes_gradient == writes, "is wrong about writing a gradient");
    if (writes) gradient(action.unit);
    if (writes || action.op == UnitOp::backward_input)
      expect(action.micro_batch == next_micro_batch_[slot(action.op, action.unit)]++, "leaves ascending order");
    expect(options_.trains || action.op == UnitOp::forward || action.op == UnitOp::send_forward ||
               action.op == UnitOp::recv_forward,
           "has no place in a forward-only schedule");
  }

  void forward(const UnitAction& action) {
    const auto [op, unit, micro_batch, writes_gradient, peer] = action;
    need_values(unit);
    if (!is_first(unit)) return expect(done(op, unit - 1, micro_batch), "comes before the unit in front of it");
    if (stage(unit) == 0) return;
    if (holder(stage(unit) - 1) != index_)
      return expect(done(UnitOp::recv_forward, unit, micro_batch), "its input was not received");
    expect(done(op, last_unit(stage(unit) - 1), micro_batch), "comes before the stage in front of it");
  }

  void backward_input(const UnitAction& action) {
    const auto [op, unit, micro_batch, writes_gradient, peer] = action;
    expect(!traits(unit).backward_in_forward, "the unit has its backward in its forward");
    expect(done(UnitOp::forward, unit, micro_batch), "comes before its forward");
    if (traits(unit).backward_needs_values) need_values(unit);
    if (!is_last(unit)) return expect(made_gradient(unit + 1, micro_batch), "comes before the unit behind it");
    expect(stage(unit) + 1 < stages(), "there is no loss behind it");
    if (holder(stage(unit) + 1) != index_)
      return expect(done(UnitOp::recv_backward, unit, micro_batch), "its gradient was not received");
    expect(made_gradient(first_unit(stage(unit) + 1), micro_batch), "comes before the stage behind it");
  }

  void message(const UnitAction& action) {
    const auto [op, unit, micro_batch, writes_gradient, peer] = action;
    const bool forward = op == UnitOp::send_forward || op == UnitOp::recv_forward;
    const bool downstream = op == UnitOp::send_forward || op == UnitOp::recv_backward;
    expect(downstream ? is_last(unit) : is_first(unit), "the unit is not at the border of its stage");
    const int other = stage(unit) + (downstream ? 1 : -1);
    expect(other >= 0 && other < stages(), "there is no such stage");
    expect(peer == holder(other) && peer != index_, "the peer does not hold the other stage");
    if (!is_send(op)) return;
    expect(forward ? done(UnitOp::forward, unit, micro_batch) : made_gradient(unit, micro_batch),
           "comes before what it sends");
  }

  void need_values(int unit) const {
    expect(!sharded_ || gathered_[static_cast<std::size_t>(unit)], "its values are not gathered");
  }

  void gather(int unit) {
    expect(sharded_, "values are whole");
    expect(!gathered_[static_cast<std::size_t>(unit)], "is gathered already");
    gathered_[static_cast<std::size_t>(unit)] = true;
    if (options_.lowering.regather != Regather::micro_batch) return;
    int whole = 0;
    for (int u = 0; u < units(); ++u) whole += gathered_[static_cast<std::size_t>(u)] && traits(u).hides_gathers;
    expect(whole <= 2, "more than two units are gathered");
  }

  void release(int unit) {
    expect(gathered_[static_cast<std::size_t>(unit)], "is not gathered");
    gathered_[static_cast<std::size_t>(unit)] = false;
  }

  void gradient(int unit) {
    const auto u = static_cast<std::size_t>(unit);
    ++gradients_[u];
    // Where there is one reduction, it finds out whether it came too early.
    expect(!options_.lowering.reduce_each_micro_batch || gradients_[u] == reductions_[u] + 1,
           "writes over a gradient that is not reduced");
  }

  void reduce(int unit) {
    const auto u = static_cast<std::size_t>(unit);
    ++reductions_[u];
    expect(options_.lowering.reduce_each_micro_batch ? reductions_[u] == gradients_[u]
                                                     : gradients_[u] == options_.micro_batches && reductions_[u] == 1,
           "does not find the gradient that it should reduce");
  }

  /// Of messages, too: what needs one has found its receive, and prove_edges() finds the sends.
  void check_complete(int unit) {
    const bool trained = options_.trains && !traits(unit).backward_in_forward;
    for (int m = 0; m < options_.micro_batches; ++m) {
      const auto have = [&](UnitOp op) {
        if (!done(op, unit, m)) expect(false, str(UnitAction{op, unit, m}) + " is missing");
      };
      have(UnitOp::forward);
      if (trained) have(UnitOp::backward_input);
      if (trained) have(UnitOp::backward_weight);
    }
    const auto u = static_cast<std::size_t>(unit);
    const int reductions = options_.lowering.reduce_each_micro_batch ? options_.micro_batches : 1;
    expect(reductions_[u] == (options_.trains ? reductions : 0),
           fmt::format("unit {} has a gradient that is not reduced", unit));
    expect(!gathered_[u], fmt::format("unit {} is not released", unit));
  }

  int stages() const { return static_cast<int>(stage_ranks_.size()); }
  int holder(int stage) const { return stage_ranks_[static_cast<std::size_t>(stage)]; }
  int first_unit(int of_stage) const {
    int unit = 0;
    while (stage(unit) != of_stage) ++unit;
    return unit;
  }
  int last_unit(int of_stage) const {
    int unit = units() - 1;
    while (stage(unit) != of_stage) --unit;
    return unit;
  }

  const SimulatedRank& rank_;
  const int index_;
  const std::vector<int>& stage_ranks_;
  const SimulationOptions& options_;
  const bool sharded_;
  const UnitAction* at_ = nullptr;
  std::vector<bool> gathered_;         // [unit]
  std::vector<int> gradients_;         // [unit]: written
  std::vector<int> reductions_;        // [unit]
  std::vector<int> next_micro_batch_;  // [op][unit]
  std::vector<bool> done_;             // [op][unit][micro-batch]
};

}  // namespace

std::vector<int> ranks_of_stages(const std::vector<SimulatedRank>& ranks) {
  std::vector<int> holders;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    int before = -1;
    for (const UnitTraits& unit : ranks[rank].units) {
      core::require(unit.stage >= std::max(before, 0), "units are listed stage after stage");
      before = unit.stage;
      const auto stage = static_cast<std::size_t>(unit.stage);
      if (stage >= holders.size()) holders.resize(stage + 1, -1);
      core::require(holders[stage] == -1 || holders[stage] == static_cast<int>(rank), "a stage lives on one rank");
      holders[stage] = static_cast<int>(rank);
    }
  }
  core::require(std::count(holders.begin(), holders.end(), -1) == 0, "every stage has a unit");
  return holders;
}

void prove_rank(const SimulatedRank& rank, int index, const std::vector<int>& stage_ranks,
                const SimulationOptions& options) {
  RankProof(rank, index, stage_ranks, options).run();
}

}  // namespace baleen::parallel
