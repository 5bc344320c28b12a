#pragma once
// A small unit with every kind of parameter that an optimizer distinguishes.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "parallel/mesh.h"
#include "parallel/unit.h"

namespace baleen::tests {

/// matrix [33, 5], its fused follower [2, 5], norm [7] without decay, padded table [6 of 8, 3]; names start with
/// `prefix`.
inline parallel::UnitSpec make_unit_spec(const std::string& prefix) {
  parallel::UnitSpec spec;
  spec.name = prefix;
  parallel::ParameterSpec matrix, follower, norm, table;
  matrix.name = prefix + ".matrix";
  matrix.shape = {33, 5};
  follower.name = prefix + ".follower";
  follower.shape = {2, 5};
  follower.fused_with_previous = true;
  norm.name = prefix + ".norm";
  norm.shape = {7};
  norm.init.kind = parallel::Initializer::Kind::ones;
  norm.weight_decay = false;
  table.name = prefix + ".table";
  table.shape = {6, 3};
  table.row_multiple = 4;
  spec.parameters = {matrix, follower, norm, table};
  return spec;
}

inline std::unique_ptr<parallel::Unit> make_unit(const std::string& prefix, const parallel::UnitOptions& options,
                                                 std::uint64_t seed = 5) {
  auto unit = std::make_unique<parallel::Unit>(make_unit_spec(prefix), options);
  unit->initialize(seed);
  return unit;
}

inline std::vector<std::string> names_of(const std::vector<parallel::Unit*>& units) {
  std::vector<std::string> names;
  for (const parallel::Unit* unit : units)
    for (const parallel::ParameterSpec& parameter : unit->spec().parameters) names.push_back(parameter.name);
  return names;
}

struct OneRank {
  std::unique_ptr<parallel::Communicator> host = parallel::make_self_communicator();
  parallel::Mesh mesh{{}, *host, parallel::device_communicators(at::kCPU)};
};

/// The rows of a parameter that are not padding.
inline at::Tensor true_rows(const parallel::Parameter& parameter, const at::Tensor& tensor) {
  return tensor.narrow(0, 0, parameter.spec->shape[0]);
}

}  // namespace baleen::tests
