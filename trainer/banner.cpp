#include "trainer/banner.h"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/counted.h"
#include "core/log.h"
#include "core/version.h"
#include "data/dataset_info.h"
#include "launch/library_versions.h"
#include "launch/load.h"
#include "models/llama_parameters.h"
#include "trainer/device_info.h"

namespace baleen::trainer {
namespace {

void line(const char* label, const std::string& text) {
  std::puts(fmt::format("{:<10} {}", label, text).c_str());  // throws nothing where nobody reads it any more
}

std::string mebibytes(std::int64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1048576.0);
}

/// Of what is allocated for the whole run; activations come and go.
std::string memory_by_class(Trainer& trainer) {
  parallel::UnitBytes held;
  for (const auto& unit : trainer.stage().units()) held += unit->bytes();
  const std::int64_t optimizer = trainer.optimizer_bytes();
  return fmt::format("masters {}, weights beside them {}, gradients {}, optimizer {}: {} a rank before activations",
                     mebibytes(held.masters), mebibytes(held.values), mebibytes(held.gradients), mebibytes(optimizer),
                     mebibytes(held.masters + held.values + held.gradients + optimizer));
}

std::string dataset(const std::string& path) {
  if (path == "random") return "random tokens";
  const data::DatasetInfo info = data::read_dataset_info(path);
  return fmt::format("{} ({}, {}, tokenizer {})", path, core::counted(info.tokens, "token"),
                     core::counted(info.documents, "document"), info.tokenizer);
}

std::string libraries() {
  std::string text = "Baleen " + std::string(core::version());
  for (const launch::LibraryVersion& library : launch::library_versions()) {
    text += fmt::format(", {} {}", library.name, library.version);
    if (library.name == "NCCL") text += fmt::format(" ({})", library.path);
  }
  return text;
}

/// Threads that wait for each other at every operation crawl where other programs take the cores from some of them.
void warn_of_load(const launch::Process& process) {
  const launch::Load load = launch::machine_load(process);
  if (load.average == 0 || load.share() < 1.5) return;
  core::log_warning(
      fmt::format("this machine is busy: {}; if it crawls, try fewer with launch.threads_per_rank", load.str()));
}

}  // namespace

void print_banner(const Config& config, const parallel::Mesh& mesh, const launch::Process& process, Trainer& trainer) {
  const std::int64_t parameters = models::count_parameters(models::llama_units(config.model)).total();
  const std::string device = device_name(process.device());
  line("run", config.run.name);
  line("mesh", fmt::format("{} ({}, {} a node)", mesh.dims().str(), core::counted(process.size(), "rank"),
                           process.local_size()));
  line("device", device.empty() ? fmt::format("CPU, {} a rank ({})", core::counted(process.threads(), "thread"),
                                              process.threads_reason())
                                : device);
  line("model", fmt::format("{}: {} layers, dim {}, {:.3f}M parameters, computing in {}", config.model.family,
                            config.model.layers, config.model.dim, static_cast<double>(parameters) / 1e6,
                            config.precision.compute));
  if (config.compute_dtype() == core::DType::f16)
    line("loss scale",
         fmt::format("{} at first, at least {}", config.first_loss_scale(), config.precision.loss_scale_min));
  line("memory", memory_by_class(trainer));
  line("data", dataset(config.data.train));
  if (!config.data.validation.empty()) line("validation", dataset(config.data.validation));
  line("batch", fmt::format("{} of {} tokens a step, {}", core::counted(config.training.global_batch_size, "sequence"),
                            config.training.sequence_length, core::counted(config.training.steps, "step")));
  line("libraries", libraries());
  std::fflush(stdout);
  if (device.empty()) warn_of_load(process);
}

std::string environment_json(const launch::Process& process) {
  nlohmann::ordered_json json;
  json["host"] = process.host();
  json["ranks"] = process.size();
  json["ranks_per_node"] = process.local_size();
  json["device"] = process.device().is_cuda() ? device_name(process.device()) : "cpu";
  json["threads_per_rank"] = process.threads();
  json["libraries"]["Baleen"] = {{"version", core::version()}, {"build", core::build_id()}};
  for (const launch::LibraryVersion& library : launch::library_versions())
    json["libraries"][library.name] = {{"version", library.version}, {"path", library.path}};
  return json.dump(2) + "\n";
}

std::map<std::string, std::string> library_versions() {
  std::map<std::string, std::string> versions{{"Baleen", std::string(core::version())}};
  for (const launch::LibraryVersion& library : launch::library_versions()) versions[library.name] = library.version;
  return versions;
}

}  // namespace baleen::trainer
