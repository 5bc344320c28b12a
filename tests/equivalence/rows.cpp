#include "tests/equivalence/rows.h"

#include <fmt/format.h>

#include <bit>
#include <map>

#include "tests/trainer/tiny_run.h"

namespace baleen::tests {

std::string Row::name() const {
  std::string name = fmt::format("t{}p{}s{}r{}_zero{}_{}", tensor, pipeline, shard, replicate, zero, schedule);
  if (virtual_stages > 1) name += fmt::format("_v{}", virtual_stages);
  if (!sequence_parallel) name += "_nosp";
  return name + fmt::format("_{}layers", layers);
}

std::string Modifiers::name() const {
  return fmt::format("recompute {}, {}, dropout {}, z-loss {}, {}, regather {}, wire {}, {}", recompute,
                     tied ? "tied" : "untied", dropout, z_loss, pack, regather, gradient_wire,
                     deterministic ? "deterministic" : "not deterministic");
}

std::string Entry::name() const {
  return fmt::format("{}, {}, {}{}", row.name(), modifiers.name(), precision, sums_by_definition ? ", defined" : "");
}

std::vector<Row> base_rows() {
  std::vector<Row> rows;
  for (const int data : {2, 4})
    for (int zero = 0; zero <= 3; ++zero) rows.push_back({.shard = data, .zero = zero});
  for (int zero = 0; zero <= 3; ++zero) rows.push_back({.shard = 2, .replicate = 2, .zero = zero});
  for (const int tensor : {2, 4})  // with 2 KV heads
    for (const bool sequence_parallel : {true, false})
      rows.push_back({.tensor = tensor, .sequence_parallel = sequence_parallel});
  for (const int pipeline : {2, 4})
    for (const char* schedule : {"gpipe", "1f1b", "interleaved", "zero_bubble"})
      rows.push_back({.pipeline = pipeline, .schedule = schedule});
  for (const int pipeline : {2, 4})
    rows.push_back({.pipeline = pipeline, .schedule = "interleaved", .virtual_stages = 2, .layers = 9});
  rows.push_back({.pipeline = 4, .layers = 5});
  for (int zero = 0; zero <= 3; ++zero) {
    for (const char* schedule : {"1f1b", "zero_bubble"})
      rows.push_back({.tensor = 2, .pipeline = 2, .shard = 2, .zero = zero, .schedule = schedule});
    rows.push_back({.tensor = 2,
                    .pipeline = 2,
                    .shard = 2,
                    .zero = zero,
                    .schedule = "interleaved",
                    .virtual_stages = 2,
                    .layers = 4});
  }
  return rows;
}

Row whole_layers(const Row& row) {
  Row whole = row;
  whole.pipeline = whole.virtual_stages = 1;
  whole.zero = 0;
  whole.schedule = "1f1b";
  return whole;
}

namespace {

// Of covering_runs(): "mlp" replays all that "elementwise" does.
const char* const kRecompute[] = {"none", "mlp", "block"};
const char* const kRegather[] = {"micro_batch", "step", "never"};
constexpr int kModels = 8;  // of covering_runs(); all_runs() has each with and without z-loss

/// What reference runs depend on, by three bits.
Modifiers model_of(int bits, bool z_loss) {
  Modifiers modifiers;
  modifiers.z_loss = z_loss ? 1e-2 : 0;
  modifiers.tied = (bits & 1) != 0;
  modifiers.dropout = (bits & 2) != 0 ? 0.1 : 0;
  modifiers.pack = (bits & 4) != 0 ? "documents" : "stream";
  return modifiers;
}

/// Z-loss in every other model, so that it meets each value of the three bits, and not their complement.
Modifiers covering_model(int bits) {
  return model_of(bits, std::popcount(static_cast<unsigned>(bits)) % 2 == 1);
}

/// The model's modifiers in row `index`: rows that are compared with one layout share them, so that it runs once.
class Models {
 public:
  explicit Models(const Row& row, int index) : index_(index) {
    const std::string whole = whole_layers(row).name();
    // Any values: they differ so that the modifiers meet.
    static const std::map<std::string, int> shared = {{Row{.shard = 2}.name(), 1},
                                                      {Row{.shard = 4}.name(), 2},
                                                      {Row{.shard = 2, .replicate = 2}.name(), 4},
                                                      {Row{.tensor = 2, .shard = 2}.name(), 5},
                                                      {Row{.layers = 4}.name(), 3},
                                                      {Row{.layers = 5}.name(), 0},
                                                      {Row{.layers = 9}.name(), 1}};
    const auto found = shared.find(whole);
    has_every_reference_ = row.layers == 4;
    ordered_ = found != shared.end() ? found->second : index % kModels;
  }

  int ordered() const { return ordered_; }
  int ordered_fp32() const { return kModels - 1 - ordered_; }  // the other value of each
  int rounded() const { return (ordered_ + 3) % kModels; }
  int unordered() const { return has_every_reference_ ? 3 * index_ % kModels : ordered_; }

 private:
  int index_, ordered_;
  bool has_every_reference_;
};

/// Four ranks of the data axis, where the order of a sum matters, and the rows that have all axes.
bool travels_rounded(const Row& row, int index) {
  if (row.shard * row.replicate == 4) return true;
  return row.tensor > 1 && row.shard > 1 && (row.zero == 3 || (index + row.zero) % 3 == 0);
}

}  // namespace

std::vector<Entry> covering_runs() {
  std::vector<Entry> runs;
  const std::vector<Row> rows = base_rows();
  for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
    const Row& row = rows[static_cast<std::size_t>(i)];
    const bool is_compared_to = whole_layers(row).name() == row.name();  // by others, to the bit
    const bool has_only_tensor_ranks = row.tensor == row.ranks();        // owes nobody bits
    const Models models(row, i);
    int k = 0;
    const auto add = [&](int model, const char* precision, bool deterministic, const char* wire) {
      Entry run{row, covering_model(model), precision};
      run.modifiers.deterministic = deterministic;
      run.modifiers.gradient_wire = wire;
      run.modifiers.recompute = kRecompute[is_compared_to ? (deterministic ? 0 : k) : (i + k) % 3];
      if (row.zero == 3) run.modifiers.regather = kRegather[(i + 2 * k) % 3];
      ++k;
      runs.push_back(run);
    };
    add(models.ordered(), "fp64", true, "fp32");
    add(models.unordered(), "fp64", false, "fp32");
    if (has_only_tensor_ranks) {
      add(kModels - 1 - models.unordered(), "fp64", false, "fp32");
    } else {
      add(models.ordered_fp32(), "fp32", true, "fp32");
    }
    if (travels_rounded(row, i)) add(models.rounded(), "fp32", true, "bf16");
  }
  return runs;
}

std::vector<Entry> all_runs(const Row& row) {
  std::vector<Entry> runs;
  for (int model = 0; model < 2 * kModels; ++model) {
    for (const char* recompute : {"none", "elementwise", "mlp", "block"}) {
      for (const char* regather : kRegather) {
        if (row.zero < 3 && regather != kRegather[0]) continue;
        Modifiers modifiers = model_of(model % kModels, model >= kModels);
        modifiers.recompute = recompute;
        modifiers.regather = regather;
        for (const char* precision : {"fp64", "fp32"}) runs.push_back({row, modifiers, precision});
        if (row.shard > 1) {
          runs.push_back({row, modifiers, "fp32"});
          runs.back().modifiers.gradient_wire = "bf16";
        }
        modifiers.deterministic = false;
        runs.push_back({row, modifiers, "fp64"});
      }
    }
  }
  return runs;
}

trainer::Config config_of(const Row& row, const Modifiers& modifiers, const std::filesystem::path& folder,
                          const std::string& precision) {
  trainer::Config config = tiny_config(folder, precision);
  config.run.deterministic = modifiers.deterministic;
  config.model.layers = row.layers;
  config.model.tie_embeddings = modifiers.tied;
  config.model.dropout = modifiers.dropout;
  config.data.validation = config.data.train;
  config.data.pack = modifiers.pack;
  config.training.recompute = modifiers.recompute;
  config.training.z_loss = modifiers.z_loss;
  config.training.global_batch_size = 16;
  config.training.validate_every = 10;
  config.training.validation_sequences = 13;  // no multiple of any number of ranks
  config.precision.gradient_wire = modifiers.gradient_wire;
  config.optimizer.max_grad_norm = kMaxGradNorm;
  config.optimizer.lr = 4e-3;  // at 1e-2 the gradient of tied weights spikes, and rounding with it
  parallel::ParallelConfig& parallelism = config.parallelism;
  parallelism.tensor = row.tensor;
  parallelism.pipeline = row.pipeline;
  parallelism.data_shard = row.shard;
  parallelism.data_replicate = row.replicate;
  parallelism.zero_stage = row.zero;
  parallelism.regather = modifiers.regather;
  parallelism.sequence_parallel = row.sequence_parallel;
  parallelism.schedule = row.schedule;
  parallelism.virtual_stages = row.virtual_stages;
  return config;
}

}  // namespace baleen::tests
