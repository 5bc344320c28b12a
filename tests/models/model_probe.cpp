// Runs a model on what a folder holds and leaves the results there, for transformers_llama_test.py.
//
//   model_probe FOLDER
//     config.toml              sections model, optimizer, probe
//     tokens, targets          int64: sequences of probe.sequence_length one after another
//     parameters/NAME          float64: initial values by Hugging Face name, row-major
//   writes
//     logits                   float64 [tokens, vocab_size]
//     gradients/NAME           of the mean loss, before the first step
//     losses                   float64: the mean loss of each of probe.steps optimizer steps on the same batch
//     trained/NAME             the parameters after them

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/config.h"
#include "core/error.h"
#include "optim/gradient_norm.h"
#include "optim/optimizer.h"
#include "optim/step_control.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

namespace fs = std::filesystem;

struct ProbeConfig {
  std::int64_t sequence_length = 0;
  std::int64_t steps = 0;
};

struct Config {
  models::ModelConfig model;
  optim::OptimizerConfig optimizer;
  ProbeConfig probe;
};

Config read_config(const fs::path& path) {
  const auto probe = core::Section<ProbeConfig>("probe", "What to run.")
                         .field("sequence_length", &ProbeConfig::sequence_length, "Tokens.", core::positive())
                         .field("steps", &ProbeConfig::steps, "Of the optimizer.", core::positive());
  const auto schema = core::Schema<Config>()
                          .section(models::model_section(), &Config::model)
                          .section(optim::optimizer_section(), &Config::optimizer)
                          .section(probe, &Config::probe);
  const core::ConfigSource source = core::read_config_source(path, {});
  std::vector<core::Problem> problems = source.problems;
  Config config;
  core::fill(schema.tables(), source, &config, problems);
  core::throw_if_any(problems, path);
  config.model.resolve();
  return config;
}

at::Tensor read(const fs::path& path, at::IntArrayRef shape, at::ScalarType type) {
  at::Tensor tensor = at::empty(shape, type);
  std::ifstream file(path, std::ios::binary);
  const bool fits = file && fs::file_size(path) == tensor.nbytes();
  if (!fits || !file.read(static_cast<char*>(tensor.mutable_data_ptr()), static_cast<std::streamsize>(tensor.nbytes())))
    throw core::Error(core::ExitCode::usage, path.string() + " does not hold the tensor that the model needs");
  return tensor;
}

void write(const fs::path& path, const at::Tensor& tensor) {
  const at::Tensor rows = tensor.contiguous();
  std::ofstream file(path, std::ios::binary);
  if (!file.write(static_cast<const char*>(rows.const_data_ptr()), static_cast<std::streamsize>(rows.nbytes())))
    throw core::Error(core::ExitCode::storage, "cannot write " + path.string());
}

void write(const fs::path& folder, const NamedTensors& tensors) {
  fs::create_directories(folder);
  for (const auto& [name, tensor] : tensors) write(folder / name, tensor);
}

ReferenceBatch read_tokens(const fs::path& folder, std::int64_t length) {
  const std::int64_t count = static_cast<std::int64_t>(fs::file_size(folder / "tokens") / sizeof(std::int64_t));
  ReferenceBatch batch;
  batch.tokens = read(folder / "tokens", {count}, at::kLong);
  batch.targets = read(folder / "targets", {count}, at::kLong);
  batch.positions = at::arange(count, at::kLong).remainder(length);
  for (std::int64_t start = 0; start <= count; start += length) {
    batch.starts.push_back(static_cast<std::int32_t>(start));
  }
  return batch;
}

void probe(const fs::path& folder) {
  const Config config = read_config(folder / "config.toml");
  models::TransformerStage stage(config.model, unit_options(at::kDouble), {});
  set_masters(stage, [&](const parallel::ParameterSpec& spec) {
    return read(folder / "parameters" / spec.name, spec.shape, at::kDouble);
  });
  const ReferenceBatch tokens = read_tokens(folder, config.probe.sequence_length);
  const double valid = tokens.targets.ge(0).sum().item<double>();
  const models::Batch batch = to_batch(tokens, 1.0 / valid);
  write(folder / "logits", stage.logits(batch, models::TransformerStage::Rows::all));

  const std::vector<parallel::Unit*> units = stage.trained_units();
  const auto optimizer = optim::make_optimizer(config.optimizer, units);
  const auto host = parallel::make_self_communicator();
  parallel::Mesh mesh({}, *host, parallel::device_communicators(at::kCPU));
  std::vector<std::string> names;
  for (const parallel::Unit* unit : units)
    for (const parallel::ParameterSpec& spec : unit->spec().parameters) names.push_back(spec.name);
  optim::GradientNorm norm(units, names, mesh, /*deterministic=*/false);
  optim::StepControlOptions options;
  options.max_grad_norm = config.optimizer.max_grad_norm;
  options.learning_rates.assign(static_cast<std::size_t>(config.probe.steps), config.optimizer.lr);
  optim::StepControl control(options);
  const at::Tensor losses = at::empty({config.probe.steps}, at::kDouble);
  for (std::int64_t step = 0; step < config.probe.steps; ++step) {
    losses[step] = train_step(stage, {batch}) / valid;
    if (step == 0) write(folder / "gradients", gradients(stage));
    norm.compute();
    control.decide(norm.squared_norm(), norm.first_nonfinite(), losses[step]);
    for (std::size_t u = 0; u < units.size(); ++u) optimizer->update(u, control.device_state());
  }
  write(folder / "losses", losses);
  write(folder / "trained", master_values(stage));
}

}  // namespace
}  // namespace baleen::tests

int main(int argc, char** argv) {
  try {
    baleen::core::require(argc == 2, "model_probe takes one folder");
    baleen::tests::probe(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_probe: %s\n", error.what());
    return 1;
  }
}
