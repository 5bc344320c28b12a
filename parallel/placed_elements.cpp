#include "parallel/placed_elements.h"

#include <algorithm>

namespace baleen::parallel {

std::vector<ElementRange> elements_placed(const UnitSpec& spec, const UnitLayout& layout, TensorPlacement::Kind kind,
                                          ElementRange within) {
  std::vector<ElementRange> ranges;
  for (std::size_t i = 0; i < spec.parameters.size(); ++i) {
    if (spec.parameters[i].tensor.kind != kind) continue;
    const ParameterLayout& at = layout.parameters[i];
    const ElementRange here{std::max(within.begin, at.offset), std::min(within.end, at.offset + at.elements)};
    if (here.begin >= here.end) continue;
    if (!ranges.empty() && ranges.back().end == here.begin) {
      ranges.back().end = here.end;
    } else {
      ranges.push_back(here);
    }
  }
  return ranges;
}

std::int64_t count_elements(const std::vector<ElementRange>& ranges) {
  std::int64_t elements = 0;
  for (const ElementRange& range : ranges) elements += range.end - range.begin;
  return elements;
}

}  // namespace baleen::parallel
