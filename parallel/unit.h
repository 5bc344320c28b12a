#pragma once
// A unit with its numbers: values in the compute dtype, main gradients and masters in FP32 (FP64 when computing in
// FP64).
//
// Life in a step: gather() -> forward, backward_input, backward_weight (which writes Parameter::grad with
// gradient_beta()) -> note_gradient_written() after each micro-batch -> reduce() after the last one -> optimizer
// updates master() from gradient() -> publish().

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/unit_layout.h"

namespace baleen::parallel {

/// One parameter of a unit: views into the unit's buffers, of the local shape (padding rows included).
struct Parameter {
  const ParameterSpec* spec = nullptr;
  const ParameterLayout* layout = nullptr;
  at::Tensor value;                       // compute dtype; valid while the unit is gathered
  at::Tensor grad;                        // gradient dtype; the target of the weight part of the backward
  const double* gradient_beta = nullptr;  // 0: overwrite the target, 1: add to it
};

/// Adjacent parameters of one unit read as one matrix of rows on rows: q, k, v; gate, up. One parameter is such a group
/// too.
class FusedParameters {
 public:
  /// `parts` lie one behind the other without a gap and share the row length. Throws Error(internal) otherwise.
  explicit FusedParameters(std::vector<const Parameter*> parts);
  at::Tensor value() const;
  at::Tensor grad() const;
  double gradient_beta() const { return *parts_.front()->gradient_beta; }
  const std::vector<const Parameter*>& parts() const { return parts_; }

 private:
  at::Tensor joined(const at::Tensor& first) const;
  std::vector<const Parameter*> parts_;
  std::vector<std::int64_t> shape_;
};

struct UnitOptions {
  at::ScalarType compute = at::kFloat;
  at::ScalarType master = at::kFloat;  // of masters and main gradients
  at::Device device = at::kCPU;
};

class Unit {
 public:
  Unit(UnitSpec spec, UnitLayout layout, const UnitOptions& options);
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;

  const UnitSpec& spec() const { return spec_; }
  const UnitLayout& layout() const { return layout_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// By the last parts of its name: parameter("q_proj.weight"). Throws Error(internal) where none or several match.
  const Parameter& parameter(const std::string& suffix) const;
  FusedParameters fused(const std::vector<std::string>& suffixes) const;

  /// Flat, what the optimizer of this rank updates: [shard_elements] (all of it in ZeRO-0).
  const at::Tensor& master() const { return master_; }
  /// Flat main gradient over the same elements as master().
  const at::Tensor& gradient() const { return gradient_; }
  /// Flat values in the compute dtype; the same storage as master() where the dtypes are equal.
  const at::Tensor& values() const { return values_; }

  /// Writes the initial masters, each element from its global index, and publishes them.
  void initialize(std::uint64_t seed);
  /// Copies masters into values (rounding); nothing where they share storage.
  void publish();

  /// The next gradient written overwrites.
  void zero_gradients() { gradient_beta_ = 0.0; }
  /// After the weight part of one micro-batch: the next one adds.
  void note_gradient_written() { gradient_beta_ = 1.0; }
  /// Starts the sum of the main gradient over `data`; wait_reduced() ends it.
  void reduce(Communicator& data);
  void wait_reduced();

 private:
  UnitSpec spec_;
  UnitLayout layout_;
  at::Tensor master_, gradient_, values_;
  std::vector<Parameter> parameters_;
  double gradient_beta_ = 0.0;
  WorkPtr reduction_;
};

}  // namespace baleen::parallel
