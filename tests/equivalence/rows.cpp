#include "tests/equivalence/rows.h"

#include <fmt/format.h>

#include "tests/trainer/tiny_run.h"

namespace baleen::tests {

std::string Row::name() const {
  std::string name = fmt::format("t{}p{}s{}r{}_zero{}_{}", tensor, pipeline, shard, replicate, zero, schedule);
  if (virtual_stages > 1) name += fmt::format("_v{}", virtual_stages);
  if (!sequence_parallel) name += "_nosp";
  return name + fmt::format("_{}layers", layers);
}

std::string Modifiers::name() const {
  return fmt::format("recompute {}, {}, dropout {}, {}, regather {}, {}", recompute, tied ? "tied" : "untied", dropout,
                     pack, regather, deterministic ? "deterministic" : "not deterministic");
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

std::vector<Modifiers> modifiers_of(std::size_t row) {
  static const char* const kRecompute[] = {"none", "mlp", "block"};
  static const char* const kRegather[] = {"micro_batch", "step", "never"};
  Modifiers changed;
  changed.recompute = kRecompute[row % 3];
  changed.regather = kRegather[row / 3 % 3];
  changed.tied = row % 2 == 0;
  changed.dropout = row / 2 % 2 == 0 ? 0.1 : 0;
  changed.pack = row / 4 % 2 == 0 ? "documents" : "stream";
  changed.deterministic = row / 5 % 2 == 1;
  return {Modifiers{}, changed};
}

trainer::Config config_of(const Row& row, const Modifiers& modifiers, const std::filesystem::path& folder,
                          const std::string& precision) {
  trainer::Config config = tiny_config(folder, precision);
  config.run.deterministic = modifiers.deterministic;
  config.model.layers = row.layers;
  config.model.tie_embeddings = modifiers.tied;
  config.model.dropout = modifiers.dropout;
  config.data.pack = modifiers.pack;
  config.training.recompute = modifiers.recompute;
  config.training.global_batch_size = 16;
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
