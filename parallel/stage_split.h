#pragma once
// How many layers each pipeline stage gets. Arithmetic only.

#include <vector>

namespace baleen::parallel {

/// What the parts of a model cost, in any one measure (floating-point operations of a token, say).
struct SplitCosts {
  double layer = 1;
  double embedding = 0;  // in the first stage
  double head = 0;       // in the last stage, with the final norm and the loss
};

/// Layers by stage, at least one each, such that the dearest stage is as cheap as it can be; where that leaves a
/// choice, later stages get more: they keep fewer micro-batches at a time. Throws Error(usage) where layers < stages.
std::vector<int> stage_layers(int layers, int stages, const SplitCosts& costs);

/// For `given` numbers (parallelism.stage_layers): throws Error(usage) unless each stage has at least one layer and all
/// of them together have `layers`.
void check_stage_layers(int layers, int stages, const std::vector<int>& given);

}  // namespace baleen::parallel
