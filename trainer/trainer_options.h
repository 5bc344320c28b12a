#pragma once
// What a trainer is given beside its configuration and the mesh.

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "trainer/run_directory.h"

namespace baleen::trainer {

/// What somebody outside asks for: signals, control files.
struct Requests {
  bool stop = false;  // save and return requeue
  bool save = false;  // save and go on
};

struct TrainerOptions {
  at::Device device = at::kCPU;
  /// Asked on every rank at each step border; what one rank reports all ranks do. May be empty.
  std::function<Requests()> requests;
  /// For metrics, events and checkpoints; on rank 0 only, nullptr elsewhere (and everywhere where nothing is to be
  /// kept).
  RunDirectory* run = nullptr;
  /// Where checkpoints go, and the resolved configuration kept in them; on every rank.
  std::filesystem::path run_dir;
  std::string resolved_config;
  /// As the driver calls it, for MFU; empty on the CPU.
  std::string device_name;
  /// Of all communicators of this rank, where somebody has planned them: told beside what is measured.
  std::optional<double> planned_communicators_gib;
  /// Of the libraries in use, kept in each checkpoint.
  std::map<std::string, std::string> versions;
};

}  // namespace baleen::trainer
