#include "parallel/parameter_spec.h"

#include <functional>
#include <numeric>

namespace baleen::parallel {

std::int64_t ParameterSpec::rows(int parts) const {
  if (row_multiple == 0) return shape[0];
  const std::int64_t multiple = row_multiple * parts;
  return (shape[0] + multiple - 1) / multiple * multiple;
}

std::int64_t ParameterSpec::row_elements() const {
  return std::accumulate(shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t ParameterSpec::elements() const {
  return shape[0] * row_elements();
}

std::int64_t UnitSpec::elements() const {
  std::int64_t sum = 0;
  for (const ParameterSpec& parameter : parameters) sum += parameter.elements();
  return sum;
}

}  // namespace baleen::parallel
