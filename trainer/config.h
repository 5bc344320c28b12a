#pragma once
// The configuration of a run: one struct per section, read from a file, its bases and overrides, and checked as a whole
// before anything starts.

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/checkpoint_config.h"
#include "core/config.h"
#include "data/data_config.h"
#include "models/model_config.h"
#include "optim/lr_scheduler_config.h"
#include "optim/optimizer_config.h"
#include "parallel/parallel_config.h"
#include "trainer/launch_config.h"
#include "trainer/metrics_config.h"
#include "trainer/numerics_config.h"
#include "trainer/precision_config.h"
#include "trainer/run_config.h"
#include "trainer/training_config.h"

namespace baleen::trainer {

struct Config {
  RunConfig run;
  models::ModelConfig model;
  data::DataConfig data;
  TrainingConfig training;
  optim::OptimizerConfig optimizer;
  optim::LrSchedulerConfig lr_scheduler;
  parallel::ParallelConfig parallelism;
  PrecisionConfig precision;
  NumericsConfig numerics;
  checkpoint::CheckpointConfig checkpoint;
  MetricsConfig metrics;
  LaunchConfig launch;

  core::KeyOrigins origins;  // the keys that were given, for messages

  core::DType compute_dtype() const { return precision.compute_dtype(); }
  double first_loss_scale() const { return precision.first_loss_scale(training.tokens_per_step()); }
  /// The mesh over `ranks`. Throws Error(usage) where the degrees do not give it.
  parallel::ParallelDims dims(int ranks) const { return parallelism.dims(ranks); }
  /// run.dir / run.name
  std::filesystem::path run_dir() const;
};

const core::SectionTables& config_schema();

struct ReadConfig {
  Config config;  // resolved; keys with problems keep their defaults
  std::vector<core::Problem> problems;
  bool complete = true;  // false: a file could not be read, so validate() would speak of defaults
};

/// Reads the file, what it extends, and the overrides `section.key=VALUE`. Never throws for what stands in them.
ReadConfig read_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// Whether datasets must be there. Those that are there have to fit in any case.
enum class Datasets { needed, may_be_missing };

/// What is wrong with the values together: sizes, divisibility, the mesh over `ranks`, the batch, the datasets. Opens
/// the datasets, starts nothing.
std::vector<core::Problem> validate(const Config& config, int ranks, Datasets datasets = Datasets::needed);

/// Settings that can have no effect beside the others over `ranks`, each with the reason, for warnings. One that has
/// its default value is none of them. `config` has passed validate().
std::vector<std::string> idle_settings(const Config& config, int ranks);

/// read_config() that throws Error(usage) listing all problems: a configuration that was checked before.
Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// load_config() and validate() in one go: what `check` and `train` do. Throws Error(usage) listing all problems.
Config load_checked_config(const std::filesystem::path& path, const std::vector<std::string>& overrides, int ranks,
                           Datasets datasets = Datasets::needed);

/// The resolved configuration; load_config() reads it back to the same.
std::string to_toml(const Config& config);

}  // namespace baleen::trainer
