#pragma once
// Makes a GoogleTest program one rank of an MPI world.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "launch/process.h"

namespace baleen::parallel {

/// Register one at start-up: `const auto* const kRank = RankEnvironment::install("cpu");`
class RankEnvironment final : public testing::Environment {
 public:
  static RankEnvironment* install(const std::string& device) {
    auto* environment = new RankEnvironment(device);
    testing::AddGlobalTestEnvironment(environment);  // takes it over
    return environment;
  }

  void SetUp() override {
    // An exception on one rank must end the job: the others would wait for this rank in the next test.
    GTEST_FLAG_SET(catch_exceptions, false);
    process_ = std::make_unique<launch::Process>(launch::ProcessOptions{.device = device_, .threads_per_rank = 1});
  }
  void TearDown() override { process_.reset(); }

  launch::Process& process() { return *process_; }

 private:
  explicit RankEnvironment(std::string device) : device_(std::move(device)) {}
  std::string device_;
  std::unique_ptr<launch::Process> process_;
};

}  // namespace baleen::parallel
