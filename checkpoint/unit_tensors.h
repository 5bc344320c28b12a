#pragma once
// Flat tensors of a unit (masters, optimizer state) into and out of a checkpoint. Library `checkpoint`; everything else
// in this folder is checkpoint_plan and knows no tensors.

#include <ATen/core/Tensor.h>

#include <string>

#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "parallel/unit.h"

namespace baleen::checkpoint {

/// The kind under which masters are saved.
inline constexpr const char* kParameterKind = "parameter";

/// Writes elements `range` of the unit's buffer as boxes of global tensors. flat: this rank's shard of the unit, any
/// device. Parameters tied to another are left out, and those that a lower tensor rank holds too.
void write_unit_tensor(RankFileWriter& writer, const parallel::Unit& unit, const std::string& kind,
                       const at::Tensor& flat, FlatRange range);

/// Fills flat, this rank's shard of the unit; padding is left as it is. A tied parameter is
/// read from the one that it is tied to. The dtype may differ from the stored one: values are converted. Throws
/// Error(corrupt_checkpoint) from the reader, Error(usage) where a tensor is missing or has another shape.
void read_unit_tensor(const CheckpointReader& reader, const parallel::Unit& unit, const std::string& kind,
                      const at::Tensor& flat);

}  // namespace baleen::checkpoint
