// Tensor x pipeline x data on all GPUs of a machine, for hundreds of steps, while hosts and streams are held up at
// random: every communicator of every layout stays alive, layouts take turns, and no delay changes a bit or hangs.

#include <ATen/cuda/Sleep.h>
#include <c10/core/StreamGuard.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <random>
#include <thread>

#include "parallel/communicator_decorator.h"
#include "parallel/nccl_communicator.h"
#include "tests/equivalence/rows.h"
#include "tests/trainer/mpi_process.h"

namespace baleen::tests {

const char* const kMpiDevice = "cuda";

namespace {

using parallel::Communicator, parallel::ReduceOp, parallel::WorkPtr;

constexpr int kSteps = 200;

/// Before one call of eight it holds up the host, the current stream, or the communicator's own, for up to half a
/// millisecond; other ranks at other calls.
class Hesitant final : public parallel::CommunicatorDecorator {
 public:
  Hesitant(std::unique_ptr<Communicator> inner, std::optional<c10::Stream> own, std::uint64_t seed)
      : CommunicatorDecorator(std::move(inner)), own_(own), random_(seed) {}

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    hesitate();
    return CommunicatorDecorator::all_reduce(tensor, op);
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    hesitate();
    return CommunicatorDecorator::all_gather(output, input);
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    hesitate();
    return CommunicatorDecorator::reduce_scatter(output, input, op);
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    hesitate();
    return CommunicatorDecorator::all_to_all(output, input);
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    hesitate();
    return CommunicatorDecorator::send(tensor, peer);
  }
  WorkPtr recv(const at::Tensor& tensor, int peer) override {
    hesitate();
    return CommunicatorDecorator::recv(tensor, peer);
  }

 private:
  void hesitate() {
    constexpr int kMostCycles = 800'000, kMostMicroseconds = 500;
    const auto below = [this](int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); };
    if (below(8) != 0) return;
    switch (below(3)) {
      case 0:
        return std::this_thread::sleep_for(std::chrono::microseconds(below(kMostMicroseconds)));
      case 1:
        return at::cuda::sleep(below(kMostCycles));
      default:
        const c10::OptionalStreamGuard guard(own_);
        return at::cuda::sleep(below(kMostCycles));
    }
  }

  std::optional<c10::Stream> own_;
  std::mt19937_64 random_;
};

/// One axis each on two GPUs, two on four, all three on eight.
std::vector<Row> layouts(int gpus) {
  const std::string virtual_stages = "interleaved";
  switch (gpus) {
    case 2:
      return {{.tensor = 2}, {.pipeline = 2, .schedule = virtual_stages, .virtual_stages = 2}, {.shard = 2, .zero = 3}};
    case 4:
      return {{.tensor = 2, .pipeline = 2, .schedule = virtual_stages, .virtual_stages = 2},
              {.tensor = 2, .shard = 2, .zero = 3},
              {.pipeline = 2, .shard = 2, .zero = 3, .schedule = "zero_bubble"}};
    case 8:
      return {{.tensor = 2, .pipeline = 2, .shard = 2, .zero = 3, .schedule = virtual_stages, .virtual_stages = 2}};
    default:
      return {};
  }
}

struct Course {
  std::vector<double> losses, norms;
  double validation = 0;
};

/// A run whose steps are taken from outside.
class Training {
 public:
  Training(const Row& row, const std::filesystem::path& folder, Communicator& world, bool delays)
      : config_(config(row, folder)),
        mesh_(config_.dims(world.size()), world, communicators(delays), trainer::mesh_options(config_)),
        trainer_(config_, mesh_, options()) {
    trainer_.start();
  }

  void issue(int step) { trainer_.train_step(step); }
  void read() {
    const optim::StepReport report = trainer_.read_step();
    course_.losses.push_back(report.loss);
    course_.norms.push_back(report.grad_norm);
  }
  Course finish() {
    course_.validation = trainer_.validate().loss;
    return course_;
  }

 private:
  static trainer::Config config(const Row& row, const std::filesystem::path& folder) {
    trainer::Config config = config_of(row, {}, folder, "fp32");
    config.training.steps = kSteps;
    config.optimizer.lr = 1e-3;
    return config;
  }
  static trainer::TrainerOptions options() {
    trainer::TrainerOptions options;
    options.device = mpi_process().device();
    return options;
  }
  static parallel::DeviceCommunicatorFactory communicators(bool delays) {
    const auto make = parallel::device_communicators(mpi_process().device());
    if (!delays) return make;
    return [make, seed = static_cast<std::uint64_t>(mpi_process().rank())](Communicator& host,
                                                                           const std::string& axis) mutable {
      std::unique_ptr<Communicator> inner = make(host, axis);
      const std::optional<c10::Stream> own = parallel::nccl_stream(*inner);
      return std::make_unique<Hesitant>(std::move(inner), own, seed += 1000);
    };
  }

  trainer::Config config_;
  parallel::Mesh mesh_;
  trainer::Trainer trainer_;
  Course course_;
};

/// All of them at once, a step of each in turn.
std::vector<Course> train(const std::vector<Row>& rows, Communicator& world, bool delays) {
  const SharedFolder folder;
  std::vector<std::unique_ptr<Training>> runs;
  runs.reserve(rows.size());
  for (const Row& row : rows) runs.push_back(std::make_unique<Training>(row, folder.path(), world, delays));
  for (int step = 0; step < kSteps; ++step)
    for (const bool reads : {false, true})
      for (const auto& run : runs) reads ? run->read() : run->issue(step);
  std::vector<Course> courses;
  courses.reserve(runs.size());
  for (const auto& run : runs) courses.push_back(run->finish());
  world.barrier();
  return courses;
}

double furthest(const std::vector<double>& expected, const std::vector<double>& actual) {
  double most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) most = std::max(most, std::abs(actual.at(i) / expected[i] - 1));
  return most;
}

TEST(StressOnGpus, DelaysNeitherHangARunNorChangeIt) {
  Communicator& world = mpi_process().world();
  const std::vector<Row> rows = layouts(world.size());
  if (rows.empty()) GTEST_SKIP() << "it needs 2, 4 or 8 GPUs, and has " << world.size();

  const std::vector<Course> quiet = train(rows, world, false), delayed = train(rows, world, true);
  const std::unique_ptr<Communicator> alone = world.split(world.rank(), 0);
  const SharedFolder folder;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(rows[i].name());
    EXPECT_EQ(delayed[i].losses, quiet[i].losses);
    EXPECT_EQ(delayed[i].norms, quiet[i].norms);
    EXPECT_EQ(delayed[i].validation, quiet[i].validation);
    EXPECT_LT(quiet[i].losses.back(), 0.9 * quiet[i].losses.front()) << "a run that learns nothing proves nothing";
    if (world.rank() != 0) continue;
    Training one({.layers = rows[i].layers}, folder.path(), *alone, false);
    for (int step = 0; step < kSteps; ++step) one.issue(step), one.read();
    const Course expected = one.finish();
    const double losses = furthest(expected.losses, delayed[i].losses),
                 norms = furthest(expected.norms, delayed[i].norms);
    fmt::print("{:<44} {} steps: losses within {:.1e} of one rank's, norms {:.1e}\n", rows[i].name(), kSteps, losses,
               norms);
    EXPECT_LT(losses, 1e-4);
    EXPECT_LT(norms, 1e-2);
    EXPECT_NEAR(delayed[i].validation / expected.validation, 1, 1e-4);
  }
  world.barrier();
}

}  // namespace
}  // namespace baleen::tests
