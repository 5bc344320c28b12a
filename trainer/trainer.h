#pragma once
// The training loop of one rank. Collective: every rank makes one and calls run().
//
//   trainer.cpp     construction, the loop, what happens at a step border
//   train_step.cpp  one optimizer step
//   step_border.cpp what happens between steps: orders, what is told, validation, saving
//   traced_step.cpp the trace of one step

#include <filesystem>
#include <memory>
#include <string>

#include "core/error.h"
#include "data/loader.h"
#include "models/transformer_stage.h"
#include "optim/gradient_norm.h"
#include "optim/optimizer.h"
#include "optim/step_control.h"
#include "parallel/mesh.h"
#include "parallel/schedule.h"
#include "trainer/config.h"
#include "trainer/execution_plan.h"
#include "trainer/product_choice.h"
#include "trainer/progress.h"
#include "trainer/snapshot.h"
#include "trainer/trainer_options.h"

namespace baleen::trainer {

struct ValidationResult {
  double loss = 0;  // mean over the targets of the fixed set, natural logarithm
  std::int64_t targets = 0;
};

class Trainer {
 public:
  /// Initial weights are in place afterwards, each rank's own. `mesh` outlives the trainer. Rank 0 proves the schedules
  /// of all: they end. No collectives, so that a rank may fail here: for succeed_together().
  Trainer(const Config& config, parallel::Mesh& mesh, TrainerOptions options);

  /// Goes on from a checkpoint. Before run(); no collectives.
  void resume(const std::filesystem::path& checkpoint);

  /// Trains until the last step or until someone asks to stop. Returns ok, or requeue after a checkpoint on request.
  /// Throws AgreedError(numerical) when skipped steps do not end. What fails on one rank alone is thrown there as an
  /// Error that names the step.
  core::ExitCode run();

  /// One optimizer step. Nothing in it waits for a GPU.
  void train_step(std::int64_t step);

  /// What run() does before the first step: the ranks' weights made whole, product plans loaded. Collective on the
  /// device: after succeed_together(), not inside it. And after that step: see ProductChoice.
  void start();
  void complete_product_plans() { products_.complete(); }

  /// The outcome of the step trained last. Blocks.
  optim::StepReport read_step() const { return control_.read(); }

  /// The loss on the fixed validation set. Blocks.
  ValidationResult validate();

  /// Blocks until a checkpoint of the steps done so far stands. Where there is doubt about the weights, it says so and
  /// removes no older one. Where the disk fails, throws AgreedError(storage).
  std::filesystem::path save();

  std::int64_t steps_done() const { return step_; }
  models::TransformerStage& stage() { return stage_; }
  /// Held by the optimizer's state.
  std::int64_t optimizer_bytes() const;

 private:
  /// A step whose work is issued and whose outcome the host has not read.
  struct IssuedStep {
    std::int64_t step = 0;
    double data_seconds = 0;
    std::int64_t targets = 1;  // valid ones, over all ranks
    at::Tensor rank_losses;  // [data degree] fp64: the loss sum of each data rank; of the step in reading_, on the host
  };

  core::ExitCode train();
  /// The requests of all ranks.
  Requests agree();
  std::vector<models::Batch> load_batches(std::int64_t step);
  /// Of the ranks of the data axis, in their order.
  at::Tensor rank_losses();
  at::Tensor mean_loss();
  /// Waits for the outcome of the step in `reading_`, if any, tells it, and stops the run where it is hopeless.
  void settle();
  void tell_skip(const IssuedStep& step, const optim::StepReport& report);
  /// Runs a part of the step; its time is recorded where the step is traced.
  decltype(auto) timed(const char* phase, const auto& part) {
    const parallel::TracedScope scope(mesh_.trace(), phase);
    return part();
  }
  /// What was recorded of the step done last, into the run directory. Blocks.
  void tell_trace();
  void validate_and_tell();
  Snapshot snapshot();
  /// Why the weights may be ruined; empty where nothing speaks for it. Collective, blocks.
  std::string doubt();
  /// A save on the way; false: not yet, since the weights are in doubt. Where the disk fails, the run goes on without.
  bool save_if_sound();
  void save_and_go_on(const std::string& doubt);
  std::filesystem::path save(const std::string& doubt);

  Config config_;
  parallel::Mesh& mesh_;
  TrainerOptions options_;

  ExecutionPlan plan_;
  models::TransformerStage stage_;
  std::vector<parallel::Unit*> units_;  // that are trained
  std::unique_ptr<optim::Optimizer> optimizer_;
  optim::GradientNorm gradient_norm_;
  optim::StepControl control_;
  std::unique_ptr<data::BatchSource> training_data_, validation_data_;
  parallel::UnitSchedule training_schedule_, validation_schedule_;
  Progress progress_;
  ProductChoice products_;

  std::int64_t step_ = 0, saved_at_ = -1;  // steps done, and at the newest save
  IssuedStep issued_;                      // the newest
  IssuedStep reading_;                     // the one whose outcome is on its way to the host
};

}  // namespace baleen::trainer
