// What is wrong with the values of a configuration together. Each check names the keys that it is about, so that one
// whose key already has a problem of its own adds no second message.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "core/error.h"
#include "data/dataset_info.h"
#include "models/tensor_degree.h"
#include "optim/lr_schedule.h"
#include "trainer/batch_misfit.h"
#include "trainer/config.h"
#include "trainer/config_sizes.h"
#include "trainer/execution_plan.h"
#include "trainer/legal_meshes.h"

namespace baleen::trainer {
namespace {

class Validator {
 public:
  Validator(const Config& config, int ranks, Datasets datasets = Datasets::needed)
      : config_(config), ranks_(ranks), datasets_(datasets) {}

  /// Whether the mesh and the batch over it have no problem.
  bool mesh_fits() {
    names_others_ = false;
    check_parallelism();
    check_batch(check_mesh());
    return problems_.empty();
  }

  std::vector<core::Problem> run() {
    check_names();
    check_model();
    check_rope();
    if (check_sizes()) {
      check_parallelism();
      check_batch(check_mesh());
    }
    check_schedule();
    check_precision();
    check_backend();
    check_trace();
    check_datasets();
    return std::move(problems_);
  }

 private:
  using Keys = std::vector<const char*>;

  /// All keys have the values that were asked for, or their defaults.
  bool usable(const Keys& keys) const {
    for (const char* key : keys)
      if (config_.origins.rejected.count(key)) return false;
    return true;
  }

  /// The message stands at the first of `keys` that the command line overrides, else at the first that a file has.
  void problem(const Keys& keys, std::string message) {
    std::string place;
    const auto& [places, overridden, rejected] = config_.origins;
    for (const bool on_command_line : {true, false})
      for (const char* key : keys)
        if (place.empty() && places.count(key) && overridden.count(key) == std::size_t{on_command_line})
          place = places.at(key);
    problems_.push_back({std::move(place), std::move(message)});
  }

  static bool is_legal(const Config& config, int ranks) { return Validator(config, ranks).mesh_fits(); }

  /// For the end of a message about the mesh; nothing while others are looked for.
  std::string nearest() const {
    if (!names_others_) return "";
    const std::string meshes = nearest_legal(config_, ranks_, is_legal);
    return meshes.empty() ? "" : "; " + meshes;
  }

  void check_names() {
    if (usable({"run.name"}) && config_.run.name.find('/') != std::string::npos)
      problem({"run.name"},
              fmt::format("run.name is \"{}\": it names a folder inside run.dir and has no slash", config_.run.name));
  }

  void check_model() {
    const models::ModelConfig& model = config_.model;
    if (usable({"model.dim", "model.heads"})) {
      if (model.dim % model.heads != 0)
        problem({"model.dim", "model.heads"},
                fmt::format("model.dim ({}) is not a multiple of model.heads ({})", model.dim, model.heads));
      else if (model.head_dim() % 2 != 0)
        problem({"model.dim", "model.heads"},
                fmt::format("model.dim / model.heads is {}; rotary embeddings need an even number", model.head_dim()));
    }
    if (usable({"model.heads", "model.kv_heads"}) && model.heads % model.kv_heads != 0)
      problem({"model.kv_heads", "model.heads"},
              fmt::format("model.heads ({}) is not a multiple of model.kv_heads ({})", model.heads, model.kv_heads));
    if (usable({"training.sequence_length", "model.max_sequence_length"}) &&
        config_.training.sequence_length > model.max_sequence_length)
      problem({"training.sequence_length", "model.max_sequence_length"},
              fmt::format("training.sequence_length ({}) is longer than model.max_sequence_length ({})",
                          config_.training.sequence_length, model.max_sequence_length));
  }

  void check_rope() {
    const models::ModelConfig& model = config_.model;
    if (model.rope_scaling == models::RopeScaling::llama3 &&
        usable({"model.rope_low_freq_factor", "model.rope_high_freq_factor"}) &&
        model.rope_low_freq_factor >= model.rope_high_freq_factor)
      problem({"model.rope_high_freq_factor", "model.rope_low_freq_factor"},
              fmt::format("model.rope_high_freq_factor ({}) must be greater than model.rope_low_freq_factor ({})",
                          model.rope_high_freq_factor, model.rope_low_freq_factor));
  }

  /// False: what follows would multiply numbers that no machine holds.
  bool check_sizes() {
    const std::vector<SizeProblem> wrong = size_problems(config_.model, config_.training);
    for (const SizeProblem& size : wrong) problem(size.keys, size.message);
    return wrong.empty();
  }

  void check_parallelism() {
    const Keys keys = {"parallelism.tensor", "model.heads", "model.kv_heads", "model.ffn_dim"};
    if (usable(keys))
      for (const models::TensorDegreeProblem& wrong :
           models::tensor_degree_problems(config_.model, config_.parallelism.tensor))
        problem(keys, wrong.message);
    check_stages();
  }

  /// How the pipeline's stages share the layers.
  void check_stages() {
    const Keys keys = {"parallelism.stage_layers", "parallelism.virtual_stages", "parallelism.pipeline",
                       "parallelism.schedule", "model.layers"};
    if (!usable(keys)) return;
    const parallel::ParallelConfig& parallelism = config_.parallelism;
    if (parallelism.virtual_stages > 1 && !parallel::takes_virtual_stages(parallelism.schedule)) {
      problem({"parallelism.virtual_stages", "parallelism.schedule"},
              fmt::format("parallelism.virtual_stages is {}, but the schedule \"{}\" gives each rank one stage; use "
                          "\"interleaved\"",
                          parallelism.virtual_stages, parallelism.schedule));
      return;
    }
    try {
      (void)stage_layers(config_);
    } catch (const core::Error& error) {
      problem(keys, error.what() + (parallelism.stage_layers.empty() ? nearest() : ""));
    }
  }

  std::optional<parallel::ParallelDims> check_mesh() {
    const Keys keys = {"parallelism.data_shard", "parallelism.data_replicate", "parallelism.tensor",
                       "parallelism.pipeline"};
    if (!usable(keys)) return std::nullopt;
    try {
      return config_.dims(ranks_);
    } catch (const core::Error& error) {
      problem(keys, error.what() + nearest());
      return std::nullopt;
    }
  }

  /// How the batch is cut over a mesh; of one that no mesh cuts, as much is said where there is none.
  void check_batch(const std::optional<parallel::ParallelDims>& mesh) {
    const Keys keys = {"training.global_batch_size", "training.micro_batch_size"};
    const TrainingConfig& training = config_.training;
    const bool some_mesh_cuts_it = training.global_batch_size % training.micro_batch_size == 0;
    if (!usable(keys) || (!names_others_ && !some_mesh_cuts_it)) return;
    const std::int64_t portion = (mesh ? mesh->data() : 1) * training.micro_batch_size;
    if (const std::int64_t each = training.global_batch_size / portion; mesh && each > kMostMicroBatches)
      problem(keys, fmt::format("training.global_batch_size ({}) makes {} micro-batches of training.micro_batch_size "
                                "({}) for each data rank; the most is {}",
                                training.global_batch_size, each, training.micro_batch_size, kMostMicroBatches));
    if (training.global_batch_size % portion == 0) return;
    if (!names_others_) return problem(keys, "");
    problem(keys,
            batch_misfit(config_, mesh, some_mesh_cuts_it ? nearest_mesh(config_, ranks_, is_legal) : std::string()));
  }

  void check_schedule() {
    if (!usable({"training.steps", "lr_scheduler.name", "lr_scheduler.warmup_steps", "lr_scheduler.decay_steps"}))
      return;
    const std::string misfit = optim::schedule_problem(config_.lr_scheduler, config_.training.steps);
    if (!misfit.empty()) problem({"lr_scheduler.warmup_steps", "lr_scheduler.decay_steps", "training.steps"}, misfit);
  }

  void check_precision() {
    const PrecisionConfig& precision = config_.precision;
    if (usable({"precision.gradient_wire", "precision.compute"}) && precision.compute == "fp64" &&
        precision.gradient_wire != "fp32")
      problem({"precision.gradient_wire", "precision.compute"},
              fmt::format("precision.gradient_wire \"{}\" would round the gradients of precision.compute \"fp64\"",
                          precision.gradient_wire));
    if (usable({"precision.loss_scale_init", "precision.loss_scale_min"}) &&
        precision.loss_scale_min > config_.first_loss_scale())
      problem({"precision.loss_scale_min", "precision.loss_scale_init"},
              fmt::format("precision.loss_scale_min ({}) is greater than the first loss scale ({})",
                          precision.loss_scale_min, config_.first_loss_scale()));
  }

  void check_backend() {
    if (!usable({"parallelism.backend", "launch.device"})) return;
    const std::string& backend = config_.parallelism.backend;
    const std::string& device = config_.launch.device;
    if ((backend == "nccl" && device == "cpu") || (backend == "mpi" && device == "cuda"))
      problem({"parallelism.backend", "launch.device"},
              fmt::format("parallelism.backend \"{}\" does not carry tensors of launch.device \"{}\"; use \"auto\"",
                          backend, device));
  }

  void check_trace() {
    if (!usable({"metrics.trace_step", "training.steps"})) return;
    if (config_.metrics.trace_step > config_.training.steps)
      problem({"metrics.trace_step", "training.steps"},
              fmt::format("metrics.trace_step is {}, but training.steps ends the run at {}", config_.metrics.trace_step,
                          config_.training.steps));
  }

  void check_datasets() {
    if (usable({"data.train"}) && config_.data.train.empty() && datasets_ == Datasets::needed)
      problem({"data.train"},
              "data.train is not set: name a dataset made by `baleen data tokenize`, or \"random\" for measuring");
    check_dataset("data.train", config_.data.train);
    check_dataset("data.validation", config_.data.validation);
    if (!missing_.empty()) problem(missing_, missing_datasets());
    if (config_.data.validation.empty() && config_.training.validate_every > 0)
      problem({"training.validate_every"},
              fmt::format(
                  "training.validate_every is {}, but data.validation is empty; training.validate_every=0 turns it off",
                  config_.training.validate_every));
  }

  void check_dataset(const char* key, const std::string& path) {
    if (!usable({key}) || path.empty() || path == data::kRandomDataset) return;
    data::DatasetInfo info;
    try {
      if (!std::filesystem::exists(path)) {
        if (datasets_ == Datasets::needed) missing_.push_back(key);
        return;
      }
      info = data::read_dataset_info(path);
    } catch (const core::Error& error) {
      problem({key}, fmt::format("{}: {}", key, error.what()));
      return;
    } catch (const std::filesystem::filesystem_error& error) {
      problem({key}, fmt::format("{}: {}: {}", key, path, error.code().message()));
      return;
    }
    check_fit(key, info);
  }

  void check_fit(const char* key, const data::DatasetInfo& info) {
    const std::string path = info.path.string();
    if (usable({"model.vocab_size"}) && config_.model.vocab_size < info.vocab_size)
      problem({"model.vocab_size", key}, fmt::format("model.vocab_size ({}) is smaller than the vocabulary of {} ({})",
                                                     config_.model.vocab_size, path, info.vocab_size));
    if (usable({"data.tokenizer"}) && config_.data.tokenizer != info.tokenizer)
      problem({"data.tokenizer", key}, fmt::format("data.tokenizer is \"{}\", but {} was made with \"{}\"",
                                                   config_.data.tokenizer, path, info.tokenizer));
    if (usable({"training.sequence_length"}) && info.tokens <= config_.training.sequence_length)
      problem({"training.sequence_length", key},
              fmt::format("{} has {} tokens, not one sequence of training.sequence_length ({}) and its last target",
                          path, info.tokens, config_.training.sequence_length));
  }

  /// One problem, also where both are missing.
  std::string missing_datasets() const {
    const bool train = std::string(missing_.front()) == "data.train";
    const std::filesystem::path path = train ? config_.data.train : config_.data.validation;
    const std::string from =
        path.is_absolute() ? "" : " (from the folder " + std::filesystem::current_path().string() + ")";
    const std::string what = fmt::format("{}: there is no file {}", fmt::join(missing_, " and "), path.string());
    const std::string how = fmt::format("; `baleen data tokenize TEXT... --output {}` makes one", path.string());
    if (missing_.size() == 1) return what + from + how + (train ? "; to try without one: data.train=random" : "");
    const std::string other = config_.data.validation;
    return what + (other == path ? "" : " and no " + other) + from + how +
           "; to try without: data.train=random data.validation=random";
  }

  const Config& config_;
  const int ranks_;
  const Datasets datasets_;
  bool names_others_ = true;
  Keys missing_;  // datasets that are not there
  std::vector<core::Problem> problems_;
};

}  // namespace

std::vector<core::Problem> validate(const Config& config, int ranks, Datasets datasets) {
  return Validator(config, ranks, datasets).run();
}

}  // namespace baleen::trainer
