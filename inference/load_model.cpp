#include "inference/load_model.h"

#include "checkpoint/unit_tensors.h"

namespace baleen::inference {

void load_model(const checkpoint::CheckpointReader& reader, models::TransformerStage& stage) {
  for (const parallel::Unit* unit : stage.trained_units()) {
    checkpoint::read_unit_tensor(reader, *unit, checkpoint::kParameterKind, unit->master());
  }
  stage.round_masters();
}

}  // namespace baleen::inference
