// How long a step is said to have taken when the device works behind the host.

#include "trainer/progress.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

/// A host that needs `issue` seconds to issue a step, and a device that needs `work` for it, in a time of their own.
struct FakeMachine {
  double issue, work;
  double host = 0, device = 0;  // until when each is busy

  void issue_step() {
    host += issue;
    device = std::max(device, host) + work;
  }
  void wait_for(double moment) { host = std::max(host, moment); }
};

class FakeClock final : public parallel::DeviceClock {
 public:
  explicit FakeClock(FakeMachine& machine) : machine_(machine) {}
  void mark(int moment) override {
    moments_.at(static_cast<std::size_t>(moment)) = std::max(machine_.host, machine_.device);
  }
  double seconds(int from, int to) override {
    machine_.wait_for(moments_.at(static_cast<std::size_t>(to)));
    return moments_.at(static_cast<std::size_t>(to)) - moments_.at(static_cast<std::size_t>(from));
  }

 private:
  FakeMachine& machine_;
  std::array<double, 2> moments_{};
};

/// Six steps with a validation of 50 seconds after the third, reported one step late as the trainer does on a GPU.
std::vector<double> step_seconds(FakeMachine machine) {
  const TemporaryFolder folder;
  const trainer::RunDirectory run(folder.path(), trainer::RunDirectory::Open::resume);
  trainer::ProgressOptions options;
  options.steps = 6;
  options.tokens_per_step = 1;
  options.log_every = 1000;
  trainer::Progress progress(options, &run, std::make_unique<FakeClock>(machine));
  std::int64_t reading = 0;
  const auto settle = [&] {
    if (reading > 0) progress.report(reading, {}, 0, 0);
    reading = 0;
  };
  progress.start();
  for (std::int64_t step = 1; step <= 6; ++step) {
    machine.issue_step();
    settle();
    progress.step_issued();
    reading = step;
    if (step % 3 != 0) continue;
    settle();
    machine.wait_for(machine.device);
    machine.host += 50;
    progress.restart_clock();
  }
  std::vector<double> seconds;
  std::ifstream in(folder.path() / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) seconds.push_back(nlohmann::json::parse(line)["step_seconds"]);
  return seconds;
}

TEST(Progress, ADeviceThatIsBehindGivesEachStepItsOwnTime) {
  const auto first = DoubleNear(4.5, 1e-12), next = DoubleNear(4, 1e-12);
  EXPECT_THAT(step_seconds({0.5, 4}), ElementsAre(first, next, next, first, next, next));
}

// The device is done with a step long before the host looks: that must not make the last one before a validation short.
TEST(Progress, ADeviceThatWaitsForTheHostGivesEachStepItsOwnTime) {
  const auto first = DoubleNear(4.5, 1e-12), next = DoubleNear(4, 1e-12);
  EXPECT_THAT(step_seconds({4, 0.5}), ElementsAre(first, next, next, first, next, next));
}

TEST(Progress, CountsWhatUnitsAreGatheredInAsMemory) {
  const TemporaryFolder folder;
  const trainer::RunDirectory run(folder.path(), trainer::RunDirectory::Open::resume);
  FakeMachine machine{1, 1};
  trainer::Progress progress({}, &run, std::make_unique<FakeClock>(machine));
  progress.start();
  progress.report(1, {}, 0, /*gather_bytes=*/std::int64_t{1} << 40);
  std::ifstream in(folder.path() / "metrics.jsonl");
  std::string line;
  std::getline(in, line);
  const double gib = nlohmann::json::parse(line)["memory_gib"];
  EXPECT_GT(gib, 1024) << "beside what the process holds";
  EXPECT_LT(gib, 1024 + 100);
}

}  // namespace
}  // namespace baleen::tests
