#include "trainer/trainer.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/log.h"
#include "kernels/device.h"
#include "models/llama_parameters.h"
#include "optim/lr_schedule.h"
#include "parallel/agreement.h"
#include "trainer/communicator_memory.h"
#include "trainer/flops.h"
#include "trainer/trace_file.h"

namespace baleen::trainer {
namespace {

parallel::UnitOptions unit_options(const Config& config, parallel::Mesh& mesh, at::Device device) {
  const parallel::ParallelConfig& parallelism = config.parallelism;
  parallel::UnitOptions options;
  options.compute = kernels::scalar_type(config.compute_dtype());
  options.master = kernels::scalar_type(config.precision.master_dtype());
  options.device = device;
  options.tensor_degree = mesh.dims().tensor;
  options.tensor_rank = mesh.coordinates().tensor;
  options.shards = mesh.data_shard().size();
  options.shard_rank = mesh.data_shard().rank();
  options.zero_stage = parallelism.zero_stage;
  options.keep_values = parallelism.regather == "never";
  options.ordered_sums = config.run.deterministic;
  if (config.precision.gradient_wire == "bf16") options.gradient_wire = at::kBFloat16;
  return options;
}

models::ModuleOptions module_options(const Config& config, parallel::Mesh& mesh, at::Device device) {
  models::ModuleOptions options;
  options.recompute = models::recompute_named(config.training.recompute);
  if (config.precision.fp8()) {
    options.fp8 = config.precision.fp8_recipe == "block" ? kernels::Fp8Recipe::block : kernels::Fp8Recipe::tensor;
    kernels::require_fp8(device, *options.fp8);
  }
  options.fp8_smallest = config.precision.fp8_smallest;
  options.z_loss = config.training.z_loss;
  options.deterministic = config.run.deterministic;
  options.region = parallel::TensorRegion(mesh.tensor(), config.parallelism.sequence_parallel);
  return options;
}

optim::StepControlOptions control_options(const Config& config, at::Device device) {
  optim::StepControlOptions options;
  const PrecisionConfig& precision = config.precision;
  if (config.compute_dtype() == core::DType::f16)
    options.loss_scaling = {config.first_loss_scale(), precision.loss_scale_min,
                            static_cast<int>(precision.loss_scale_growth_interval),
                            static_cast<int>(precision.loss_scale_hysteresis)};
  options.max_grad_norm = config.optimizer.max_grad_norm;
  options.max_bad_steps = static_cast<int>(config.numerics.max_bad_steps);
  options.learning_rates = optim::learning_rates(config.lr_scheduler, config.optimizer.lr, config.training.steps);
  options.device = device;
  return options;
}

data::SourceOptions source_options(const Config& config, const std::string& dataset, const parallel::Mesh& mesh) {
  data::SourceOptions options;
  options.dataset = dataset;
  options.packing = config.data.pack == "documents" ? data::Packing::documents : data::Packing::stream;
  options.vocab_size = config.model.vocab_size;
  options.sequence_length = config.training.sequence_length;
  options.global_batch_size = config.training.global_batch_size;
  options.micro_batch_size = config.training.micro_batch_size;
  options.data_rank = mesh.coordinates().data(mesh.dims());
  options.data_degree = mesh.dims().data();
  options.seed = static_cast<std::uint64_t>(config.run.seed);
  options.prefetch = static_cast<int>(config.data.prefetch);
  return options;
}

ProgressOptions progress_options(const Config& config, const parallel::Mesh& mesh, const TrainerOptions& trainer) {
  ProgressOptions options;
  options.steps = config.training.steps;
  options.tokens_per_step = config.training.global_batch_size * config.training.sequence_length;
  options.ranks = mesh.dims().world();
  options.log_every = static_cast<int>(config.metrics.log_every);
  options.flops_per_token = flops_per_token(config.model, config.training.sequence_length);
  options.peak_flops = dense_peak_flops(trainer.device_name, config.compute_dtype());
  options.device = trainer.device;
  return options;
}

std::vector<std::string> parameter_names(const models::ModelConfig& model) {
  std::vector<std::string> names;
  for (const parallel::UnitSpec& unit : models::llama_units(model))
    for (const parallel::ParameterSpec& parameter : unit.parameters) names.push_back(parameter.name);
  return names;
}

bool due(std::int64_t step, std::int64_t every) {
  return every > 0 && step % every == 0;
}

/// There when the event of StepControl::begin_read(), which comes next, has happened.
at::Tensor on_its_way_to_host(const at::Tensor& losses) {
  if (!losses.is_cuda()) return losses;
  at::Tensor host = at::empty(losses.sizes(), losses.options().device(at::kCPU).pinned_memory(true));
  host.copy_(losses, /*non_blocking=*/true);
  return host;
}

/// Of a run that was resumed after that step.
void warn_of_missed_trace(std::int64_t step, std::int64_t steps_done, const RunDirectory& run) {
  std::error_code ignored;
  if (step < 1 || step > steps_done || std::filesystem::exists(run.path() / trace_name(step), ignored)) return;
  core::log_warning(
      fmt::format("metrics.trace_step = {} traces nothing: {} steps are done already; to trace one, name a later step",
                  step, steps_done));
}

/// What they take of a GPU, when all of a step has used them.
void tell_communicators(const parallel::Mesh& mesh, const TrainerOptions& options) {
  const std::vector<parallel::CommunicatorMemory> memory = mesh.communicator_memory();
  if (options.device.is_cuda() && !memory.empty()) core::log_info(describe(memory, options.planned_communicators_gib));
}

}  // namespace

Trainer::Trainer(const Config& config, parallel::Mesh& mesh, TrainerOptions options)
    : config_(config),
      mesh_(mesh),
      options_(std::move(options)),
      plan_(execution_plan(config, mesh.dims())),
      stage_(config.model, plan_.held(config.model, mesh.coordinates().pipeline),
             unit_options(config, mesh, options_.device), module_options(config, mesh, options_.device)),
      units_(stage_.trained_units()),
      optimizer_(optim::make_optimizer(config.optimizer, units_)),
      gradient_norm_(units_, parameter_names(config.model), mesh, config.run.deterministic),
      control_(control_options(config, options_.device)),
      training_data_(data::make_training_source(source_options(config, config.data.train, mesh))),
      training_schedule_(plan_.lower(plan_.training, config.model, mesh.coordinates().pipeline)),
      validation_schedule_(plan_.lower(plan_.forward, config.model, mesh.coordinates().pipeline)),
      progress_(progress_options(config, mesh, options_), options_.run, parallel::make_device_clock(options_.device)),
      products_(mesh.host_world(), options_.device, options_.run == nullptr ? "" : options_.run_dir,
                config.run.deterministic) {
  if (mesh.host_world().rank() == 0) plan_.prove(config.model);  // the lists of all ranks
  if (!config.data.validation.empty())
    validation_data_ = data::make_validation_source(source_options(config, config.data.validation, mesh),
                                                    config.training.validation_sequences);
  stage_.initialize(static_cast<std::uint64_t>(config.run.seed));
}

void Trainer::start() {
  stage_.publish(mesh_);
  products_.load();
}

std::int64_t Trainer::optimizer_bytes() const {
  std::int64_t bytes = 0;
  for (std::size_t u = 0; u < units_.size(); ++u)
    for (const optim::StateTensor& state : optimizer_->state(u))
      bytes += static_cast<std::int64_t>(state.tensor.nbytes());
  return bytes;
}

core::ExitCode Trainer::run() {
  try {
    return train();
  } catch (const parallel::AgreedError&) {
    throw;
  } catch (...) {  // on this rank alone, whose place and moment nobody else can tell; the log names ranks after 0
    const core::Error error = parallel::current_error();
    const parallel::Communicator& world = mesh_.host_world();
    const char* rank = world.rank() == 0 && world.size() > 1 ? "rank 0: " : "";
    throw core::Error(error.code(), fmt::format("{}step {}: {}", rank, issued_.step + 1, error.what()),
                      error.next_action());
  }
}

core::ExitCode Trainer::train() {
  if (step_ >= config_.training.steps) {
    if (options_.run != nullptr)
      core::log_info(fmt::format("the run is finished: {} of {} steps are done; to go on, raise training.steps", step_,
                                 config_.training.steps));
    return core::ExitCode::ok;
  }
  if (options_.run != nullptr) warn_of_missed_trace(config_.metrics.trace_step, step_, *options_.run);
  start();
  progress_.start();
  const std::int64_t first = step_;
  bool save_due = false;
  while (step_ < config_.training.steps) {
    const Requests requests = agree();
    if (requests.stop) {
      if (saved_at_ != step_) save();
      return core::ExitCode::requeue;
    }
    if (requests.save) save_and_go_on(doubt());

    const bool traced = step_ + 1 == config_.metrics.trace_step;
    if (traced) mesh_.trace()->start(options_.device);
    train_step(step_);
    if (traced) mesh_.trace()->stop();
    if (step_ == first) complete_product_plans();
    if (step_ == first && options_.run != nullptr) tell_communicators(mesh_, options_);
    ++step_;
    const bool host_runs_ahead = options_.device.is_cuda();
    if (host_runs_ahead) settle();  // the step before: this one is still running
    issued_.rank_losses = on_its_way_to_host(issued_.rank_losses);
    control_.begin_read();
    progress_.step_issued();
    reading_ = issued_;
    if (!host_runs_ahead) settle();

    if (traced) tell_trace();
    if (due(step_, config_.training.validate_every) && step_ < config_.training.steps) validate_and_tell();
    save_due |= due(step_, config_.checkpoint.every);
    if (save_due && step_ < config_.training.steps) save_due = !save_if_sound();
  }
  validate_and_tell();
  save();
  return core::ExitCode::ok;
}

}  // namespace baleen::trainer
