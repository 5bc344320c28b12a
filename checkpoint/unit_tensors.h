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

/// Writes elements `range` of the unit's buffer as boxes of global tensors. flat: this rank's elements of the unit,
/// from element `first` of the buffer on; any device. Parameters tied to another are left out.
void write_unit_tensor(RankFileWriter& writer, const parallel::Unit& unit, const std::string& kind,
                       const at::Tensor& flat, std::int64_t first, FlatRange range);

/// Fills flat, which holds the unit's buffer from element `first` on; padding is left as it is. A tied parameter is
/// read from the one that it is tied to. The dtype may differ from the stored one: values are converted. Throws
/// Error(corrupt_checkpoint) from the reader, Error(usage) where a tensor is missing or has another shape.
void read_unit_tensor(const CheckpointReader& reader, const parallel::Unit& unit, const std::string& kind,
                      const at::Tensor& flat, std::int64_t first);

}  // namespace baleen::checkpoint
