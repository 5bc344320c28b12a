#include "parallel/counting_communicator.h"

#include "parallel/communicator_decorator.h"

namespace baleen::parallel {
namespace {

class CountingCommunicator final : public CommunicatorDecorator {
 public:
  CountingCommunicator(std::unique_ptr<Communicator> inner, std::string axis, Traffic& traffic)
      : CommunicatorDecorator(std::move(inner)), axis_(std::move(axis)), traffic_(traffic) {}

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    count("all_reduce", tensor);
    return CommunicatorDecorator::all_reduce(tensor, op);
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    count("all_gather", output);
    return CommunicatorDecorator::all_gather(output, input);
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    count("reduce_scatter", input);
    return CommunicatorDecorator::reduce_scatter(output, input, op);
  }
  WorkPtr broadcast(const at::Tensor& tensor, int root) override {
    count("broadcast", tensor);
    return CommunicatorDecorator::broadcast(tensor, root);
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    count("all_to_all", input);
    return CommunicatorDecorator::all_to_all(output, input);
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    count("send", tensor);
    return CommunicatorDecorator::send(tensor, peer);
  }

 private:
  static std::string type_name(at::ScalarType type) {
    switch (type) {
      case at::kDouble:
        return "fp64";
      case at::kFloat:
        return "fp32";
      case at::kBFloat16:
        return "bf16";
      case at::kHalf:
        return "fp16";
      default:
        return at::toString(type);
    }
  }

  void count(const char* collective, const at::Tensor& tensor) {
    TrafficVolume& volume = traffic_[{axis_, collective, type_name(tensor.scalar_type())}];
    ++volume.calls;
    volume.bytes += static_cast<std::int64_t>(tensor.nbytes());
  }

  const std::string axis_;
  Traffic& traffic_;
};

}  // namespace

std::unique_ptr<Communicator> make_counting_communicator(std::unique_ptr<Communicator> inner, std::string axis,
                                                         Traffic& traffic) {
  return std::make_unique<CountingCommunicator>(std::move(inner), std::move(axis), traffic);
}

}  // namespace baleen::parallel
