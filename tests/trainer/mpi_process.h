#pragma once
// What tests of training runs under mpirun share: the process (its main is here), and a folder for all ranks.

#include <filesystem>
#include <optional>

#include "launch/process.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {

/// Each test program defines what it runs on: "cpu" (one thread) or "cuda".
extern const char* const kMpiDevice;

/// This rank.
launch::Process& mpi_process();

/// One folder for all ranks, with the dataset in it; goes with rank 0. Collective.
class SharedFolder {
 public:
  SharedFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<TemporaryFolder> own_;
  std::filesystem::path path_;
};

}  // namespace baleen::tests
