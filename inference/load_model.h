#pragma once
// Parameters of a checkpoint into a model, under whatever layout they were saved.

#include "checkpoint/reader.h"
#include "models/transformer_stage.h"

namespace baleen::inference {

/// Reads every parameter of `stage` and publishes it. Throws as checkpoint::read_unit_tensor():
/// Error(corrupt_checkpoint) for damage, Error(usage) where a parameter is missing or has another shape.
void load_model(const checkpoint::CheckpointReader& reader, models::TransformerStage& stage);

}  // namespace baleen::inference
