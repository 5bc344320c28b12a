#pragma once
// A fault on one rank inside a step: its communicator throws.

#include <memory>
#include <string>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/mesh.h"

namespace baleen::tests {

/// Throws from the sum that follows `good` ones, however it is made.
class FailingCommunicator final : public parallel::CommunicatorDecorator {
 public:
  FailingCommunicator(std::unique_ptr<Communicator> inner, int good)
      : CommunicatorDecorator(std::move(inner)), left_(good) {}

  parallel::WorkPtr all_reduce(const at::Tensor& tensor, parallel::ReduceOp op) override {
    count();
    return CommunicatorDecorator::all_reduce(tensor, op);
  }
  parallel::WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, parallel::ReduceOp op) override {
    count();
    return CommunicatorDecorator::reduce_scatter(output, input, op);
  }
  parallel::WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    count();
    return CommunicatorDecorator::all_to_all(output, input);
  }

 private:
  void count() {
    if (left_-- == 0) throw core::Error(core::ExitCode::storage, "a planted fault", "plant none");
  }

  int left_;
};

inline constexpr int kEveryRank = -1;

/// For tiny_config() over data ranks: `rank` throws while it executes step 3, between gradient sums of which a step has
/// one for each of 5 units and each micro-batch. Every rank: each throws one sum after the rank before.
inline parallel::DeviceCommunicatorFactory failing_in_step_3(int rank, at::Device device = at::kCPU) {
  return [=, make = parallel::device_communicators(device)](
             parallel::Communicator& host, const std::string& axis) -> std::unique_ptr<parallel::Communicator> {
    std::unique_ptr<parallel::Communicator> inner = make(host, axis);
    if (axis != "data" || (rank != kEveryRank && host.rank() != rank)) return inner;
    const int sums_of_step = 5 * 8 / host.size();
    const int later = rank == kEveryRank ? host.rank() : 0;
    return std::make_unique<FailingCommunicator>(std::move(inner), 2 * sums_of_step + 4 + later);
  };
}

}  // namespace baleen::tests
