#pragma once
// A unit with its numbers: values in the compute dtype, main gradients and masters in FP32 (FP64 when computing in
// FP64), and what ZeRO (Rajbhandari et al. 2020) leaves of them on this rank.
//
// Life in a step: gather() -> await_values() -> forward, backward_input -> release(); begin_gradient() ->
// backward_weight (which writes Parameter::grad with gradient_beta()) -> reduce(). After the last one
// finish_reduction(), the optimizer updates master() from gradient(), publish().
//
//   zero_stage   values      gradient()            master()
//   0            whole       whole                 whole
//   1            whole       shard of a whole one  shard
//   2            whole       shard                 shard
//   3            gathered    shard                 shard
//
// Gradients are made as the backward comes to a unit, and given back by zero_gradients(), before the next forward.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/fp8_values.h"
#include "parallel/gradient_reduction.h"
#include "parallel/unit_layout.h"
#include "parallel/unit_options.h"

namespace baleen::parallel {

class Unit {
 public:
  Unit(UnitSpec spec, const UnitOptions& options);
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  const UnitSpec& spec() const { return spec_; }
  const UnitLayout& layout() const { return layout_; }
  const UnitOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// By the last parts of its name: parameter("q_proj.weight"). Throws Error(internal) where none or several match.
  const Parameter& parameter(const std::string& suffix) const;
  FusedParameters fused(const std::vector<std::string>& suffixes) const;
  UnitBytes bytes() const;
  /// From now on FusedParameters::fp8() of this matrix is there after await_values(): scales are of what a rank holds.
  void keep_in_fp8(const FusedParameters& matrix, kernels::Fp8Recipe recipe);

  /// Flat, what the optimizer of this rank updates: elements [shard_begin(), + numel) of the unit's buffer.
  const at::Tensor& master() const { return master_; }
  /// Flat main gradient over the same elements as master(): zeros before the first step, then undefined from
  /// zero_gradients() to the first begin_gradient(), or in ZeRO-2 and 3 finish_reduction().
  const at::Tensor& gradient() const { return gradient_; }
  /// Flat and whole, in the compute dtype; undefined while it is not gathered.
  const at::Tensor& values() const { return values_; }
  /// 0 in ZeRO-0, where master() is whole.
  std::int64_t shard_begin() const;
  std::int64_t shard_elements() const;
  /// This rank's part of the values, aligned with master(): what the optimizer also writes. The same storage as
  /// master() where the dtypes are equal; undefined where values are gathered from the masters.
  at::Tensor shard_values() const;

  /// Writes the initial masters, each element from its global index. publish() makes values of them.
  void initialize(std::uint64_t seed);
  /// Masters, changed other than by the optimizer, into shard_values() (rounding).
  void round_masters();
  /// Starts to make whole values of all ranks' shard_values(); await_values() ends it. Nothing where each rank has
  /// made them whole (ZeRO-0) or gathers them later.
  void publish(Communicator& gathers);

  /// Starts to gather the values where they are not kept whole. Nests: released as often as gathered.
  void gather(Communicator& gathers);
  /// What the next gather() would start, now: it finds them gathered. Void where masters change before.
  void gather_ahead(Communicator& gathers);
  /// Before values are read on the current stream.
  void await_values();
  void release();
  /// Values are those of `owner`, whose parameters modules must then read: this unit has a gradient only. For tied
  /// weights that live on one rank. Before the first gather.
  void share_values_of(Unit& owner);
  /// That unit, or this one.
  const Unit& value_owner() const { return value_owner_ ? *value_owner_ : *this; }

  /// Drops the gradient. The next one written overwrites.
  void zero_gradients();
  /// Before the weight part of a micro-batch: Parameter::grad is its target, and it writes every parameter of the unit.
  void begin_gradient();
  /// Whether each micro-batch's gradient is reduced: otherwise the last one's reduce() is that of the step.
  bool reduces_each_micro_batch() const { return options_.ordered_sums || options_.zero_stage >= 2; }
  /// After the weight part: the next one adds, where they share a buffer.
  void end_gradient();
  /// Starts the sum of what was written over the ranks that ZeRO cuts over. One at a time.
  void reduce(Communicator& data_shard);
  bool reducing() const { return reduction_ != nullptr; }
  /// Ends what reduce() began, if anything: the sum is in gradient(), added to those of earlier micro-batches.
  void finish_reduction();

 private:
  bool keeps_values() const { return options_.zero_stage < 3 || options_.keep_values; }
  bool shares_gradient_buffer() const { return !reduces_each_micro_batch(); }
  at::Tensor part_of_shard(const at::Tensor& whole) const;
  void allocate();
  void share_gradient_buffer(at::Tensor whole);
  void finish_gathering();
  void drop_values();
  void point(at::Tensor Parameter::*view, const at::Tensor& flat);

  UnitSpec spec_;
  UnitOptions options_;
  UnitLayout layout_;
  Unit* value_owner_ = nullptr;
  at::Tensor master_, gradient_, values_;
  at::Tensor written_;                                       // the whole gradient that the backward writes
  std::vector<std::pair<std::int64_t, std::int64_t>> gaps_;  // of the layout, [begin, end): no parameter's
  std::vector<Parameter> parameters_;
  Fp8Values fp8_;
  double gradient_beta_ = 0.0;
  int gathered_ = 0;
  WorkPtr gathering_;
  std::unique_ptr<GradientReduction> reduction_;
};

}  // namespace baleen::parallel
