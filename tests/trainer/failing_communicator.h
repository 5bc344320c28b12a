#pragma once
// A fault on one rank inside a step: its communicator throws.

#include <memory>
#include <string>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/mesh.h"

namespace baleen::tests {

/// Throws from the sum that follows `good` ones.
class FailingCommunicator final : public parallel::CommunicatorDecorator {
 public:
  FailingCommunicator(std::unique_ptr<Communicator> inner, int good)
      : CommunicatorDecorator(std::move(inner)), left_(good) {}

  parallel::WorkPtr all_reduce(const at::Tensor& tensor, parallel::ReduceOp op) override {
    if (left_-- == 0) throw core::Error(core::ExitCode::storage, "a planted fault", "plant none");
    return CommunicatorDecorator::all_reduce(tensor, op);
  }

 private:
  int left_;
};

/// On the CPU, for tiny_config() over 4 data ranks: `rank` throws while it executes step 3, between gradient sums of
/// which a step has 10 (5 units, 2 micro-batches).
inline parallel::DeviceCommunicatorFactory failing_in_step_3(int rank) {
  return [rank](parallel::Communicator& host, const std::string& axis) -> std::unique_ptr<parallel::Communicator> {
    std::unique_ptr<parallel::Communicator> inner = host.split(0, host.rank());
    if (axis != "data" || host.rank() != rank) return inner;
    return std::make_unique<FailingCommunicator>(std::move(inner), 24);
  };
}

}  // namespace baleen::tests
