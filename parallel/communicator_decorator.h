#pragma once
// A communicator around another one, for those that add something to some of its calls.

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// Passes everything on.
class CommunicatorDecorator : public Communicator {
 public:
  explicit CommunicatorDecorator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}

  int rank() const override { return inner_->rank(); }
  int size() const override { return inner_->size(); }
  std::string name() const override { return inner_->name(); }
  bool sums_in_rank_order() const override { return inner_->sums_in_rank_order(); }
  std::int64_t device_bytes() const override { return inner_->device_bytes(); }
  std::int64_t gather_bytes() const override { return inner_->gather_bytes(); }
  at::Tensor empty_for_gather(std::int64_t elements, const at::TensorOptions& options) override {
    return inner_->empty_for_gather(elements, options);
  }
  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override { return inner_->all_reduce(tensor, op); }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    return inner_->all_gather(output, input);
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    return inner_->reduce_scatter(output, input, op);
  }
  WorkPtr broadcast(const at::Tensor& tensor, int root) override { return inner_->broadcast(tensor, root); }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    return inner_->all_to_all(output, input);
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override { return inner_->send(tensor, peer); }
  WorkPtr recv(const at::Tensor& tensor, int peer) override { return inner_->recv(tensor, peer); }
  void group(const std::function<void()>& calls) override { inner_->group(calls); }
  std::unique_ptr<Communicator> split(int color, int key) override { return inner_->split(color, key); }
  void barrier() override { inner_->barrier(); }

 private:
  std::unique_ptr<Communicator> inner_;
};

}  // namespace baleen::parallel
