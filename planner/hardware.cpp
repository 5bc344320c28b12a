#include "planner/hardware.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "core/config.h"
#include "core/config_value.h"
#include "core/error.h"
#include "planner/hardware_tables.h"

namespace baleen::planner {
namespace {

const core::Section<GpuTable>& gpu_section() {
  using T = GpuTable;
  static const auto section =
      core::Section<T>("gpu", "The device.")
          .field("name", &T::name, "As the driver calls it.", core::not_empty())
          .field("memory_gib", &T::memory_gib, "Memory.", core::positive())
          .field("peak_half_tflops", &T::peak_half_tflops, "Dense BF16 peak of the data sheet.", core::positive());
  return section;
}

const core::Section<ComputeTable>& compute_section() {
  using T = ComputeTable;
  static const auto section =
      core::Section<T>("compute", "Rates of one device, TFLOP/s where nothing else is said.")
          .field("gemm_fp8_tensor_tflops", &T::gemm_fp8_tensor_tflops, "FP8 matrix products, recipe tensor.",
                 core::positive())
          .field("gemm_fp8_block_tflops", &T::gemm_fp8_block_tflops, "FP8 matrix products, recipe block.",
                 core::positive())
          .field("gemm_half_tflops", &T::gemm_half_tflops, "BF16 and FP16 matrix products.", core::positive())
          .field("gemm_fp32_tflops", &T::gemm_fp32_tflops, "FP32 matrix products.", core::positive())
          .field("gemm_fp64_tflops", &T::gemm_fp64_tflops, "FP64 matrix products.", core::positive())
          .field("attention_forward_64_tflops", &T::attention_forward_64_tflops, "Causal, head size up to 64.",
                 core::positive())
          .field("attention_backward_64_tflops", &T::attention_backward_64_tflops, "Its backward.", core::positive())
          .field("attention_forward_128_tflops", &T::attention_forward_128_tflops, "Larger heads.", core::positive())
          .field("attention_backward_128_tflops", &T::attention_backward_128_tflops, "Its backward.", core::positive())
          .field("copy_tb_per_second", &T::copy_tb_per_second, "A copy, both directions together.", core::positive())
          .field("copy_efficiency", &T::copy_efficiency, "Share of it that memory-bound kernels reach.",
                 core::positive())
          .field("kernel_us", &T::kernel_us, "Between two kernels.", core::not_negative());
  return section;
}

const core::Section<NetworkTable>& network_section() {
  using T = NetworkTable;
  static const auto section =
      core::Section<T>("network", "Bus bandwidths of collectives.")
          .field("gpus_per_node", &T::gpus_per_node, "GPUs of one host.", core::positive())
          .field("all_reduce_gb_per_second", &T::all_reduce_gb_per_second, "Inside a node.", core::positive())
          .field("all_gather_gb_per_second", &T::all_gather_gb_per_second, "Inside a node.", core::positive())
          .field("reduce_scatter_gb_per_second", &T::reduce_scatter_gb_per_second, "Inside a node.", core::positive())
          .field("all_to_all_gb_per_second", &T::all_to_all_gb_per_second, "Inside a node.", core::positive())
          .field("message_gb_per_second", &T::message_gb_per_second, "One send.", core::positive())
          .field("between_nodes_gb_per_second", &T::between_nodes_gb_per_second, "One GPU's adapter.", core::positive())
          .field("latency_us", &T::latency_us, "Of one collective or message.", core::not_negative());
  return section;
}

const core::Section<FootprintTable>& footprint_section() {
  using T = FootprintTable;
  static const auto section =
      core::Section<T>("footprint", "Device memory that holds no tensor of ours.")
          .field("context_gib", &T::context_gib, "CUDA context and libraries.", core::not_negative())
          .field("nccl_gib", &T::nccl_gib, "NCCL's kernels, once a process.", core::not_negative())
          .field("nccl_channels", &T::nccl_channels, "Channels of a communicator, for messages.", core::positive())
          .field("nccl_ring_channels", &T::nccl_ring_channels, "Of these, for collectives.", core::positive())
          .field("reserve_share", &T::reserve_share, "The allocator's holdings beyond the tensors.",
                 core::not_negative())
          .field("workspace_gib", &T::workspace_gib, "Workspaces of the matrix products.", core::not_negative());
  return section;
}

const core::SectionTables& hardware_schema() {
  static const auto schema = core::Schema<Hardware>()
                                 .section(gpu_section(), &Hardware::gpu)
                                 .section(compute_section(), &Hardware::compute)
                                 .section(network_section(), &Hardware::network)
                                 .section(footprint_section(), &Hardware::footprint);
  return schema.tables();
}

core::Error no_table(const std::string& name_or_file) {
  const std::filesystem::path path = name_or_file;
  const std::string known = fmt::format("known: {}; or name a TOML file such as configs/hardware/h200.toml",
                                        fmt::join(hardware_names(), ", "));
  if (path.has_parent_path() || path.extension() == ".toml")
    return {core::ExitCode::usage, "there is no file " + name_or_file, known};
  const std::string nearest = core::nearest_name(name_or_file, hardware_names());
  return {core::ExitCode::usage,
          fmt::format("there is no table of a GPU \"{}\"{}", name_or_file,
                      nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)),
          known};
}

core::ConfigSource read_source(const std::string& name_or_file) {
  for (const HardwareText& table : hardware_texts())
    if (name_or_file == table.name)
      return core::read_config_text(table.text, fmt::format("configs/hardware/{}.toml", table.name), {});
  if (!std::filesystem::exists(name_or_file)) throw no_table(name_or_file);
  return core::read_config_source(name_or_file, {});
}

/// Nothing has a default: a rate that is missing would be a wrong plan.
void require_all(const core::KeyOrigins& origins, std::vector<core::Problem>& problems) {
  for (const core::SectionTables::Entry& section : hardware_schema().sections) {
    for (const core::Field& field : section.table.fields) {
      const std::string key = section.table.name + "." + field.name;
      if (origins.places.count(key) == 0 && origins.rejected.count(key) == 0)
        problems.push_back({"", fmt::format("{} is missing: {} ({})", key, field.help, field.type)});
    }
  }
}

}  // namespace

std::vector<std::string> hardware_names() {
  std::vector<std::string> names;
  for (const HardwareText& table : hardware_texts()) names.emplace_back(table.name);
  return names;
}

Hardware load_hardware(const std::string& name_or_file) {
  const core::ConfigSource source = read_source(name_or_file);
  std::vector<core::Problem> problems = source.problems;
  Hardware hardware;
  const core::KeyOrigins origins = core::fill(hardware_schema(), source, &hardware, problems);
  if (source.complete) require_all(origins, problems);
  core::throw_if_any(problems, name_or_file);
  return hardware;
}

std::optional<Hardware> hardware_of(const std::string& device_name) {
  for (const std::string& name : hardware_names())
    if (Hardware hardware = load_hardware(name); device_name.starts_with(hardware.gpu.name)) return hardware;
  return std::nullopt;
}

}  // namespace baleen::planner
