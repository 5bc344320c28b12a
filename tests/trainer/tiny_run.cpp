#include "tests/trainer/tiny_run.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "checkpoint/directory.h"
#include "checkpoint/unit_tensors.h"
#include "core/philox.h"
#include "data/token_writer.h"
#include "kernels/device.h"
#include "parallel/thread_communicator.h"

namespace baleen::tests {
namespace {

namespace fs = std::filesystem;

/// Words that repeat, so that there is something to learn; documents of odd lengths.
void write_dataset(const fs::path& path) {
  data::WriterOptions options;
  options.tokenizer = "bytes";
  options.vocab_size = 257;
  options.end_of_text = 256;
  data::TokenWriter writer(path, options);
  const core::RandomStream stream = core::random_stream(7, core::RandomPurpose::shuffle, 0, "test text");
  std::uint64_t at = 0;
  for (int document = 0; document < 40; ++document) {
    const std::uint32_t words = 20 + core::random_u32(stream, at++) % 60;
    for (std::uint32_t w = 0; w < words; ++w) {
      const std::uint32_t word = core::random_u32(stream, at++) % 16;
      for (std::uint32_t i = 0; i < 2 + word % 5; ++i)
        writer.append(std::vector<data::TokenId>{static_cast<int>(97 + (word * 7 + i * 3) % 26)});
      writer.append(std::vector<data::TokenId>{32});
    }
    writer.end_document();
  }
  writer.commit();
}

double number(const nlohmann::json& object, const char* key) {
  return object[key].is_null() ? std::numeric_limits<double>::quiet_NaN() : object[key].get<double>();
}

void read_metrics(const fs::path& run_dir, Outcome& outcome) {
  std::ifstream in(run_dir / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto step = nlohmann::json::parse(line);
    outcome.losses.push_back(number(step, "loss"));
    outcome.grad_norms.push_back(number(step, "grad_norm"));
    outcome.loss_scales.push_back(number(step, "loss_scale"));
    outcome.seconds.push_back(number(step, "step_seconds"));
    outcome.skipped.push_back(step["skipped"].get<bool>());
  }
}

void read_events(const fs::path& run_dir, Outcome& outcome) {
  std::ifstream in(run_dir / "events.jsonl");
  for (std::string line; std::getline(in, line);) {
    const auto event = nlohmann::json::parse(line);
    const std::string name = event["event"];
    if (name == "validation") outcome.validation_losses.push_back(number(event, "loss"));
    if (name == "skipped_step" || name == "validation") outcome.happened.push_back(line);
  }
}

/// The masters in the run's newest checkpoint: global tensors, whatever layout saved them.
std::map<std::string, std::vector<double>> saved_parameters(const fs::path& run_dir) {
  const auto reader = checkpoint::CheckpointReader::open(checkpoint::newest_checkpoint(run_dir)->path);
  std::map<std::string, std::vector<double>> parameters;
  for (const checkpoint::TensorEntry& entry : reader.manifest().tensors) {
    if (entry.kind != checkpoint::kParameterKind) continue;
    const checkpoint::Box box = checkpoint::whole(entry.shape);
    const at::Tensor stored = at::empty({box.elements()}, kernels::scalar_type(entry.dtype));
    reader.read(entry.name, entry.kind, box, {static_cast<std::byte*>(stored.data_ptr()), stored.nbytes()});
    const at::Tensor wide = stored.to(at::kDouble);
    const auto* first = wide.const_data_ptr<double>();
    parameters[entry.name].assign(first, first + wide.numel());
  }
  return parameters;
}

}  // namespace

trainer::Config tiny_config(const fs::path& folder, const std::string& precision) {
  if (!fs::exists(folder / "text.h5")) write_dataset(folder / "text.h5");
  trainer::Config config;
  config.run.name = "tiny";
  config.run.deterministic = true;
  config.model.layers = 2;
  config.model.dim = 32;
  config.model.heads = 4;
  config.model.kv_heads = 2;
  config.model.ffn_dim = 48;
  config.model.max_sequence_length = 64;
  config.model.qkv_bias = true;
  config.model.qk_norm = true;
  config.data.train = (folder / "text.h5").string();
  config.training.steps = 20;
  config.training.global_batch_size = 8;
  config.training.micro_batch_size = 1;
  config.training.sequence_length = 24;
  config.optimizer.lr = 1e-2;
  config.optimizer.max_grad_norm = 0.5;
  config.lr_scheduler.warmup_steps = 3;
  const std::size_t slash = precision.find('/');
  config.precision.compute = precision.substr(0, slash);
  if (config.precision.fp8()) {
    if (slash != std::string::npos) config.precision.fp8_recipe = precision.substr(slash + 1);
    config.precision.fp8_smallest = 16;
    config.training.sequence_length = 32;  // a multiple of 16
  }
  config.metrics.log_every = 1000;
  return config;
}

std::string difference(const Outcome& expected, const Outcome& actual) {
  const auto apart = [](double a, double b) { return !(std::abs(a - b) <= 1e-12 * std::abs(a)); };
  if (expected.losses.size() != actual.losses.size() || expected.skipped != actual.skipped)
    return fmt::format("{} steps and {}, or other steps were skipped", expected.losses.size(), actual.losses.size());
  for (std::size_t i = 0; i < expected.losses.size(); ++i) {
    if (apart(expected.losses[i], actual.losses[i]))
      return fmt::format("step {}: loss {:.17g}, not {:.17g}", i + 1, actual.losses[i], expected.losses[i]);
    if (apart(expected.grad_norms[i], actual.grad_norms[i]))
      return fmt::format("step {}: norm {:.17g}, not {:.17g}", i + 1, actual.grad_norms[i], expected.grad_norms[i]);
  }
  if (expected.validation_losses.size() != actual.validation_losses.size()) return "other validations";
  for (std::size_t i = 0; i < expected.validation_losses.size(); ++i)
    if (apart(expected.validation_losses[i], actual.validation_losses[i]))
      return fmt::format("validation {}: loss {:.17g}, not {:.17g}", i + 1, actual.validation_losses[i],
                         expected.validation_losses[i]);
  if (expected.parameters.size() != actual.parameters.size()) return "other parameters";
  for (const auto& [name, values] : expected.parameters) {
    const auto found = actual.parameters.find(name);
    if (found == actual.parameters.end() || found->second.size() != values.size()) return "no such " + name;
    double largest = 0, furthest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      largest = std::max(largest, std::abs(values[i]));
      furthest = std::max(furthest, std::abs(values[i] - found->second[i]));
    }
    if (!(furthest <= 1e-10 * largest)) return fmt::format("{} is off by {:.3g} of {:.3g}", name, furthest, largest);
  }
  return "";
}

std::vector<std::uint64_t> bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

std::function<void(trainer::Trainer&, int)> overflow_after(std::int64_t steps_done, int rank) {
  return [=](trainer::Trainer& trainer, int here) {
    if (here == rank && trainer.steps_done() == steps_done)
      trainer.stage().unit(1).values().narrow(0, 0, 1).fill_(std::numeric_limits<float>::infinity());
    if (trainer.steps_done() == steps_done + 1) trainer.stage().round_masters();
  };
}

Outcome run_rank(const trainer::Config& config, parallel::Communicator& world, const RunOptions& options) {
  const auto communicators =
      options.communicators ? options.communicators : parallel::device_communicators(options.device);
  parallel::Mesh mesh(config.dims(world.size()), world, communicators, trainer::mesh_options(config));
  std::unique_ptr<trainer::RunDirectory> run;
  if (world.rank() == 0)
    run = std::make_unique<trainer::RunDirectory>(options.run_dir, trainer::RunDirectory::Open::resume);

  trainer::Trainer* self = nullptr;
  trainer::TrainerOptions trainer_options;
  trainer_options.device = options.device;
  trainer_options.run = run.get();
  trainer_options.run_dir = options.run_dir;
  trainer_options.resolved_config = to_toml(config);
  trainer_options.requests = [&] {
    if (options.before_step) options.before_step(*self, world.rank());
    return options.requests && run ? options.requests(self->steps_done()) : trainer::Requests{};
  };
  trainer::Trainer trainer(config, mesh, trainer_options);
  self = &trainer;
  if (options.resume) trainer.resume(*options.resume);
  if (run) run->rewind_logs(trainer.steps_done());

  Outcome outcome;
  outcome.code = trainer.run();
  if (run) {
    read_metrics(options.run_dir, outcome);
    read_events(options.run_dir, outcome);
    outcome.parameters = saved_parameters(options.run_dir);
  }
  return outcome;
}

Outcome run_with_threads(const trainer::Config& config, int ranks, const RunOptions& options) {
  Outcome first;
  parallel::run_threads(ranks, [&](parallel::Communicator& world) {
    Outcome outcome = run_rank(config, world, options);
    if (world.rank() == 0) first = std::move(outcome);
  });
  return first;
}

}  // namespace baleen::tests
