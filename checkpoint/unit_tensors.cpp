#include "checkpoint/unit_tensors.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::checkpoint {
namespace {

at::ScalarType loadable_type(core::DType dtype) {
  using core::DType;
  constexpr std::array kLoadable{DType::f64, DType::f32, DType::bf16, DType::f16};
  if (std::ranges::find(kLoadable, dtype) != kLoadable.end()) return kernels::scalar_type(dtype);
  throw core::Error(core::ExitCode::usage,
                    fmt::format("a parameter is stored as {}, which cannot be loaded", core::dtype_name(dtype)),
                    "use a checkpoint that `baleen train` saved");
}

std::span<std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), static_cast<std::size_t>(tensor.nbytes())};
}

const TensorEntry& entry_of(const CheckpointReader& reader, const parallel::ParameterSpec& parameter,
                            const std::string& name, const std::string& kind) {
  const TensorEntry* entry = reader.find(name, kind);
  const std::string where = reader.directory().string();
  if (entry == nullptr)
    throw core::Error(core::ExitCode::usage, fmt::format("{} holds no {} of {}", where, kind, name),
                      "resume with the [model] and [optimizer] the run was started with (its config.toml)");
  if (entry->shape != parameter.shape)
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} in {} has shape [{}], the configured model's has [{}]", name, where,
                                  fmt::join(entry->shape, ", "), fmt::join(parameter.shape, ", ")),
                      "resume with the [model] the run was started with (its config.toml)");
  return *entry;
}

}  // namespace

void write_unit_tensor(RankFileWriter& writer, const parallel::Unit& unit, const std::string& kind,
                       const at::Tensor& flat, FlatRange range) {
  const at::Tensor mine = flat.narrow(0, range.begin - unit.shard_begin(), range.end - range.begin);
  const at::Tensor host = mine.to(at::kCPU).contiguous();
  const parallel::UnitOptions& place = unit.options();
  const core::DType dtype = kernels::dtype_of(host);
  for (const PlacedBox& placed : boxes_of_range(unit.spec(), unit.layout(), range.begin, range.end)) {
    const parallel::ParameterSpec& parameter = *placed.parameter;
    const bool mine_to_save = parallel::holds_first(parameter.tensor, place.tensor_degree, place.tensor_rank);
    if (!parameter.tied_to.empty() || !mine_to_save) continue;
    writer.write(placed.tensor_box(kind, dtype), bytes_of(host.narrow(0, placed.offset, placed.box.elements())));
  }
}

void read_unit_tensor(const CheckpointReader& reader, const parallel::Unit& unit, const std::string& kind,
                      const at::Tensor& flat) {
  const std::int64_t first = unit.shard_begin();
  for (const PlacedBox& placed : boxes_of_range(unit.spec(), unit.layout(), first, first + flat.numel())) {
    const parallel::ParameterSpec& parameter = *placed.parameter;
    const std::string& name = parameter.tied_to.empty() ? parameter.name : parameter.tied_to;
    const TensorEntry& entry = entry_of(reader, parameter, name, kind);
    const at::Tensor host = at::empty({placed.box.elements()}, loadable_type(entry.dtype));
    reader.read(name, kind, placed.box, bytes_of(host));
    flat.narrow(0, placed.offset, host.numel()).copy_(host);
  }
}

}  // namespace baleen::checkpoint
