#pragma once
// Where a unit's buffer holds parameters of one placement on the tensor axis. Arithmetic only.

#include <vector>

#include "parallel/unit_layout.h"

namespace baleen::parallel {

/// Elements of a unit's buffer, [begin, end).
struct ElementRange {
  std::int64_t begin = 0, end = 0;
  bool operator==(const ElementRange&) const = default;
};

/// Where `within` holds parameters of this placement: ascending, neighbours joined. The same on all tensor ranks.
std::vector<ElementRange> elements_placed(const UnitSpec& spec, const UnitLayout& layout, TensorPlacement::Kind kind,
                                          ElementRange within);

/// Of all of them.
std::int64_t count_elements(const std::vector<ElementRange>& ranges);

}  // namespace baleen::parallel
