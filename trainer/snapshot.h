#pragma once
// What a checkpoint of a run holds, and how it goes in and out: masters and optimizer state as boxes of global tensors,
// the step's decisions, the position in the data. Collective over the mesh's host communicator.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "optim/optimizer.h"
#include "optim/step_control.h"
#include "parallel/mesh.h"
#include "parallel/unit.h"

namespace baleen::trainer {

/// The parts of a run that a checkpoint keeps. Pointers are borrowed.
struct Snapshot {
  std::vector<parallel::Unit*> units;
  optim::Optimizer* optimizer = nullptr;
  optim::StepControl* control = nullptr;
  std::int64_t step = 0;     // training steps done
  std::int64_t samples = 0;  // sequences seen: the sampler's position
};

struct SaveOptions {
  std::filesystem::path run_dir;
  std::string config;  // resolved, TOML
  int keep = 0;        // newest checkpoints that stay; 0: all
  std::map<std::string, std::string> versions;
};

/// Saves; returns the checkpoint's directory. Where a rank fails, all throw parallel::AgreedError; what was there
/// before stays.
std::filesystem::path save_snapshot(const Snapshot& snapshot, parallel::Mesh& mesh, const SaveOptions& options);

/// Loads into the units (and publishes them), the optimizer and the control; sets step; returns the sampler's position.
/// Throws Error(corrupt_checkpoint) or Error(usage) that names the parameter concerned.
std::int64_t load_snapshot(Snapshot& snapshot, const std::filesystem::path& checkpoint);

}  // namespace baleen::trainer
