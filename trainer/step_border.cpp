// What happens between two steps: requests from outside, what is told of a step, validation, saving.

#include <ATen/ops/add.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "checkpoint/directory.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/log.h"
#include "parallel/agreement.h"
#include "parallel/executor.h"
#include "trainer/batches.h"
#include "trainer/trainer.h"

namespace baleen::trainer {

Requests Trainer::agree() {
  const Requests mine = options_.requests ? options_.requests() : Requests{};
  const at::Tensor votes = at::tensor({std::int64_t{mine.stop}, std::int64_t{mine.save}}, at::kLong);
  mesh_.host_world().all_reduce(votes, parallel::ReduceOp::max)->wait();
  const auto* agreed = votes.const_data_ptr<std::int64_t>();
  return {agreed[0] != 0, agreed[1] != 0};
}

void Trainer::settle() {
  if (!control_.reading()) return;
  const optim::StepReport report = control_.finish_read();
  progress_.report(reading_.step + 1, report, reading_.data_seconds, mesh_.gather_bytes());
  if (report.skip != 0) tell_skip(reading_, report);
  const auto stop = [this](const std::string& why, const std::string& next_action) {  // all ranks have read the same
    const core::Error error(core::ExitCode::numerical, fmt::format("step {}: {}", reading_.step + 1, why), next_action);
    throw parallel::AgreedError(error, mesh_.host_world().rank() == 0);
  };
  switch (control_.health(report)) {
    case optim::Health::good:
      return;
    case optim::Health::loss_scale_exhausted:
      return stop(fmt::format("{} in a row overflowed at the minimum loss scale {}",
                              core::counted(report.bad_at_min, "step"), config_.precision.loss_scale_min),
                  "lower optimizer.lr, or train with precision.compute=bf16");
    case optim::Health::too_many_bad_steps:
      return stop(fmt::format("{} in a row had a loss or gradient that is not finite",
                              core::counted(report.consecutive_bad, "step")),
                  fmt::format("lower optimizer.lr or look at the data of these steps (events.jsonl names the first "
                              "parameter), then {}. numerics.max_bad_steps sets the limit",
                              checkpoint::list_checkpoints(options_.run_dir).empty()
                                  ? "start anew with --resume: nothing has been saved yet"
                                  : "go on with --resume, or from an older checkpoint with --resume=STEP"));
  }
}

void Trainer::tell_skip(const IssuedStep& step, const optim::StepReport& report) {
  if (options_.run == nullptr) return;
  // Gradients are summed over the data ranks when they are looked at, so only the losses tell which tokens it began
  // with.
  const at::Tensor& losses = step.rank_losses;
  const auto* loss = losses.const_data_ptr<double>();
  std::int64_t origin = 0;
  while (origin < losses.numel() && std::isfinite(loss[origin])) ++origin;

  nlohmann::ordered_json event{{"event", "skipped_step"}, {"step", step.step + 1}};
  std::string message;
  if (origin < losses.numel()) {
    event["data_rank"] = origin;
    message = fmt::format("the loss of data rank {} is not finite", origin);
  }
  if (report.first_nonfinite != kernels::kAllFinite) {
    const auto [parameter, rank] = gradient_norm_.place(report.first_nonfinite);
    event["parameter"] = parameter;
    event["sum_on_rank"] = rank;
    message += fmt::format("{}the gradient of {} is not finite; rank {} holds the sum", message.empty() ? "" : "; ",
                           parameter, rank);
  }
  if (message.empty()) message = "the sum of the losses or of the squared gradients is not finite";
  event["loss_scale"] = report.used_loss_scale;
  event["message"] = message;
  core::log_warning(fmt::format("step {} skipped: {}", step.step + 1, message));
  options_.run->append_event(event.dump());
}

ValidationResult Trainer::validate() {
  if (!validation_data_) return {};
  stage_.zero_gradients();  // their memory is the forward's
  stage_.reset_loss();
  std::int64_t valid = 0;
  for (std::int64_t step = 0; step < validation_data_->steps(); ++step) {
    const data::GlobalBatchPart part = validation_data_->next(step);
    valid += count_targets(part);
    BatchContext context;
    context.device = options_.device;
    context.mode = models::Mode::evaluate;
    context.token_multiple = mesh_.dims().tensor;
    stage_.set_batches(to_batches(part, context));
    parallel::execute(validation_schedule_, stage_, mesh_);
  }
  const double loss = at::sum(rank_losses()).item<double>();
  const at::Tensor targets = at::tensor({valid}, at::kLong);
  mesh_.host_world().all_reduce(targets, parallel::ReduceOp::sum)->wait();
  ValidationResult result;
  result.targets = targets.item<std::int64_t>() * mesh_.dims().data() / mesh_.dims().world();
  result.loss = loss / static_cast<double>(result.targets);
  return result;
}

void Trainer::validate_and_tell() {
  settle();
  const ValidationResult result = validate();
  if (options_.run != nullptr && validation_data_) {
    const double bits = result.loss / std::numbers::ln2;
    const bool bytes = config_.data.tokenizer == "bytes";  // one token is one byte
    core::log_info(fmt::format("step {}: validation loss {:.5f}{}", step_, result.loss,
                               bytes ? fmt::format(", {:.4f} bits per byte", bits) : ""));
    nlohmann::ordered_json event{{"event", "validation"}, {"step", step_}, {"loss", result.loss}};
    event["bits_per_byte"] = bytes ? nlohmann::json(bits) : nlohmann::json();
    event["targets"] = result.targets;
    options_.run->append_event(event.dump());  // what is not finite becomes null
  }
  progress_.restart_clock();
}

Snapshot Trainer::snapshot() {
  return {units_, optimizer_.get(), &control_, step_, step_ * config_.training.global_batch_size};
}

std::string Trainer::doubt() {
  settle();
  const optim::StepReport report = control_.read();
  // Dynamic loss scaling skips steps to find its scale: only at the smallest one does that tell anything.
  const bool looks_for_scale = config_.compute_dtype() == core::DType::f16 && report.bad_at_min == 0;
  if (report.consecutive_bad > 0 && !looks_for_scale)
    return fmt::format("the last {} had a loss or gradient that is not finite",
                       report.consecutive_bad == 1 ? "step" : fmt::format("{} steps", report.consecutive_bad));
  at::Tensor norms = at::zeros({}, at::TensorOptions(options_.device).dtype(at::kDouble));
  for (const parallel::Unit* unit : units_) norms = at::add(norms, at::linalg_vector_norm(unit->master(), 2));
  const at::Tensor ruined = at::tensor({std::int64_t{!std::isfinite(norms.item<double>())}}, at::kLong);
  mesh_.host_world().all_reduce(ruined, parallel::ReduceOp::max)->wait();
  return ruined.item<std::int64_t>() == 0 ? "" : "the norm of the weights is not finite any more";
}

bool Trainer::save_if_sound() {
  const std::string why = doubt();
  if (why.empty()) {
    save_and_go_on(why);
  } else if (options_.run != nullptr) {
    core::log_warning(fmt::format("step {}: not saved, since {}; earlier checkpoints stay", step_, why));
  }
  return why.empty();
}

void Trainer::save_and_go_on(const std::string& doubt) {
  try {
    save(doubt);
  } catch (const parallel::AgreedError& error) {  // on all ranks
    if (error.code() != core::ExitCode::storage) throw;
    if (error.is_origin())
      core::log_warning(
          fmt::format("step {}: not saved: {}; the run goes on, and earlier checkpoints stay; before the next save, {}",
                      step_, error.what(), error.next_action()));
    if (options_.run != nullptr)
      options_.run->append_event(
          nlohmann::ordered_json{{"event", "save_failed"}, {"step", step_}, {"message", error.what()}}.dump());
    progress_.restart_clock();
  }
}

std::filesystem::path Trainer::save() {
  try {
    return save(doubt());
  } catch (const parallel::AgreedError& error) {  // on all ranks
    if (error.code() != core::ExitCode::storage) throw;
    const std::string goes_on = saved_at_ < 0 ? "begins anew" : fmt::format("goes on from step {}", saved_at_);
    throw parallel::AgreedError(core::Error(error.code(), fmt::format("step {}: not saved: {}", step_, error.what()),
                                            fmt::format("{}; --resume then {}", error.next_action(), goes_on)),
                                error.is_origin());
  }
}

std::filesystem::path Trainer::save(const std::string& doubt) {
  const int keep = doubt.empty() ? config_.checkpoint.keep : 0;
  const std::filesystem::path path =
      save_snapshot(snapshot(), mesh_, {options_.run_dir, options_.resolved_config, keep, options_.versions});
  saved_at_ = step_;
  if (options_.run != nullptr && !doubt.empty())
    core::log_warning(
        fmt::format("step {}: this checkpoint may be of no use, since {}; all earlier ones stay, and "
                    "--resume=STEP goes on from one",
                    step_, doubt));
  if (options_.run != nullptr) {
    core::log_info(fmt::format("step {}: saved {}", step_, path.string()));
    const nlohmann::ordered_json event{{"event", "checkpoint"}, {"step", step_}, {"path", path.filename().string()}};
    options_.run->append_event(event.dump());
  }
  progress_.restart_clock();
  return path;
}

void Trainer::resume(const std::filesystem::path& checkpoint) {
  Snapshot state = snapshot();
  const std::int64_t samples = load_snapshot(state, checkpoint);
  step_ = saved_at_ = state.step;
  if (samples != step_ * config_.training.global_batch_size)
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("{} was saved at step {} after {}; with training.global_batch_size = {} these would be {}",
                    checkpoint.string(), step_, core::counted(samples, "sequence"), config_.training.global_batch_size,
                    step_ * config_.training.global_batch_size),
        "resume with the batch size of the run's config.toml");
}

}  // namespace baleen::trainer
