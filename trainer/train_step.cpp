// One optimizer step of one rank.

#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "parallel/executor.h"
#include "trainer/batches.h"
#include "trainer/trainer.h"

namespace baleen::trainer {
namespace {

/// Unit after unit: new values travel while the next ones are made. `next`: the units that the next step gathers first.
void update(optim::Optimizer& optimizer, const at::Tensor& decision, models::TransformerStage& stage,
            const std::vector<int>& next, parallel::Communicator& gathers) {
  const std::vector<parallel::Unit*> units = stage.trained_units();
  for (std::size_t u = 0; u < units.size(); ++u) {
    optimizer.update(u, decision);
    units[u]->publish(gathers);
    const bool comes_next = std::ranges::any_of(next, [&](int unit) { return &stage.unit(unit) == units[u]; });
    if (comes_next) units[u]->gather_ahead(gathers);
  }
}

}  // namespace

// [walkthrough: train_step]
void Trainer::train_step(std::int64_t step) {
  timed("batches", [&] { stage_.set_batches(load_batches(step)); });
  stage_.zero_gradients();
  stage_.reset_loss();

  parallel::execute(training_schedule_, stage_, mesh_);  // forward, backward, gradient sums as they become ready
  timed("gradients", [&] { stage_.finish_gradients(mesh_); });

  timed("norm", [&] { gradient_norm_.compute(); });

  // Skip or update, loss scale, clip factor, learning rate: decided on the device, read by the host one step late.
  const at::Tensor loss = timed("loss", [&] { return mean_loss(); });
  control_.decide(gradient_norm_.squared_norm(), gradient_norm_.first_nonfinite(), loss);
  const bool last = step + 1 == config_.training.steps;
  const std::vector<int> next = last ? std::vector<int>() : parallel::gathered_first(training_schedule_);
  timed("optimizer", [&] { update(*optimizer_, control_.device_state(), stage_, next, mesh_.gathers()); });
}
// [end]

std::vector<models::Batch> Trainer::load_batches(std::int64_t step) {
  issued_ = {step, 0, 1, {}};
  const data::GlobalBatchPart part = training_data_->next(step);
  const at::Tensor targets = at::tensor({count_targets(part)}, at::kLong);
  mesh_.host_world().all_reduce(targets, parallel::ReduceOp::sum)->wait();
  const int ranks_per_replica = mesh_.dims().world() / mesh_.dims().data();  // they count the same sequences
  const std::int64_t valid = std::max<std::int64_t>(targets.item<std::int64_t>() / ranks_per_replica, 1);
  issued_ = {step, part.wait_seconds, valid, {}};

  BatchContext context;
  context.device = options_.device;
  context.seed = static_cast<std::uint64_t>(config_.run.seed);
  context.token_multiple = mesh_.dims().tensor;
  context.loss_gradient_scale = at::div(control_.loss_scale(), static_cast<double>(valid));
  return to_batches(part, context);
}

at::Tensor Trainer::rank_losses() {
  at::Tensor losses = at::empty({mesh_.data().size()}, stage_.loss().options());
  mesh_.data().all_gather(losses, stage_.loss().view({1}))->wait();
  mesh_.pipeline().all_reduce(losses, parallel::ReduceOp::sum)->wait();  // the last stage has them
  return losses;
}

at::Tensor Trainer::mean_loss() {
  issued_.rank_losses = rank_losses();
  return at::div(at::sum(issued_.rank_losses), static_cast<double>(issued_.targets));
}

}  // namespace baleen::trainer
