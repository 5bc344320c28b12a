#include "trainer/snapshot.h"

#include <ATen/ops/tensor.h>
#include <chrono>

#include "checkpoint/commit.h"
#include "checkpoint/unit_tensors.h"
#include "core/log.h"
#include "parallel/agreement.h"

namespace baleen::trainer {
namespace {

std::uint64_t common_id(parallel::Communicator& host) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const at::Tensor id = at::tensor({std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()}, at::kLong);
  host.broadcast(id, 0)->wait();
  return static_cast<std::uint64_t>(id.item<std::int64_t>());
}

/// Ranks that hold the same elements (of the data axis under ZeRO-0, else replicas) each save a part of them.
checkpoint::FlatRange saved_range(const parallel::Unit& unit, const parallel::Mesh& mesh) {
  const std::int64_t begin = unit.shard_begin();
  const checkpoint::FlatRange held{begin, begin + unit.shard_elements()};
  const parallel::MeshCoordinates& at = mesh.coordinates();
  if (unit.options().zero_stage == 0) return checkpoint::part_of_range(held, at.data(mesh.dims()), mesh.dims().data());
  return checkpoint::part_of_range(held, at.data_replicate, mesh.dims().data_replicate);
}

void write_rank_file(const Snapshot& snapshot, parallel::Mesh& mesh, const std::filesystem::path& directory) {
  checkpoint::RankFileWriter writer(directory, mesh.host_world().rank());
  for (std::size_t u = 0; u < snapshot.units.size(); ++u) {
    const parallel::Unit& unit = *snapshot.units[u];
    const checkpoint::FlatRange range = saved_range(unit, mesh);
    checkpoint::write_unit_tensor(writer, unit, checkpoint::kParameterKind, unit.master(), range);
    for (const optim::StateTensor& state : snapshot.optimizer->state(u))
      checkpoint::write_unit_tensor(writer, unit, state.name, state.tensor, range);
  }
  writer.finish();
}

checkpoint::TrainerState trainer_state(const Snapshot& snapshot, const kernels::StepState& control) {
  checkpoint::TrainerState state;
  state.set("sampler.position", snapshot.samples);
  state.set("control.loss_scale", control.loss_scale);
  state.set("control.optimizer_step", control.optimizer_step);
  state.set("control.bad_total", control.bad_total);
  state.set("control.good_streak", control.good_streak);
  state.set("control.hysteresis_left", control.hysteresis_left);
  state.set("control.consecutive_bad", control.consecutive_bad);
  state.set("control.bad_at_min", control.bad_at_min);
  return state;
}

kernels::StepState control_state(const checkpoint::TrainerState& state) {
  const auto count = [&state](const char* key) { return static_cast<std::int32_t>(state.integer(key)); };
  kernels::StepState control;
  control.loss_scale = state.number("control.loss_scale");
  control.optimizer_step = state.integer("control.optimizer_step");
  control.bad_total = state.integer("control.bad_total");
  control.good_streak = count("control.good_streak");
  control.hysteresis_left = count("control.hysteresis_left");
  control.consecutive_bad = count("control.consecutive_bad");
  control.bad_at_min = count("control.bad_at_min");
  return control;
}

}  // namespace

std::filesystem::path save_snapshot(const Snapshot& snapshot, parallel::Mesh& mesh, const SaveOptions& options) {
  parallel::Communicator& host = mesh.host_world();
  const bool leads = host.rank() == 0;
  checkpoint::CheckpointSave save(options.run_dir, snapshot.step, common_id(host));
  const kernels::StepState control = snapshot.control->read();

  parallel::succeed_together(host, [&] {
    if (leads) save.prepare();
  });
  try {
    parallel::succeed_together(host, [&] { write_rank_file(snapshot, mesh, save.directory()); });
    parallel::succeed_together(host, [&] {
      if (!leads) return;
      checkpoint::Manifest manifest;
      manifest.step = snapshot.step;
      manifest.optimizer_step = control.optimizer_step;
      manifest.world_size = host.size();
      manifest.mesh = mesh.dims().str();
      manifest.versions = options.versions;
      manifest.trainer = trainer_state(snapshot, control);
      for (const std::string& note : save.commit(std::move(manifest), options.config, options.keep))
        core::log_warning(note);
    });
  } catch (...) {
    if (leads) save.abandon();  // the run may go on, and needs the room
    throw;
  }
  return save.final_directory();
}

std::int64_t load_snapshot(Snapshot& snapshot, const std::filesystem::path& checkpoint) {
  const auto reader = checkpoint::CheckpointReader::open(checkpoint);
  for (std::size_t u = 0; u < snapshot.units.size(); ++u) {
    parallel::Unit& unit = *snapshot.units[u];
    checkpoint::read_unit_tensor(reader, unit, checkpoint::kParameterKind, unit.master());
    for (const optim::StateTensor& state : snapshot.optimizer->state(u))
      checkpoint::read_unit_tensor(reader, unit, state.name, state.tensor);
    unit.round_masters();
  }
  const checkpoint::TrainerState& state = reader.manifest().trainer;
  snapshot.control->restore(control_state(state));
  snapshot.step = reader.manifest().step;
  return state.integer("sampler.position");
}

}  // namespace baleen::trainer
