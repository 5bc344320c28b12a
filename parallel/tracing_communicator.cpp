#include "parallel/tracing_communicator.h"

#include <utility>

#include "parallel/communicator_decorator.h"
#include "parallel/nccl_communicator.h"

namespace baleen::parallel {
namespace {

using Operation = std::optional<std::size_t>;  // in the trace; none where it was not recording

class TracedWork final : public Work {
 public:
  TracedWork(WorkPtr inner, StepTrace& trace, TracedSpan wait, Operation operation, bool on_host)
      : inner_(std::move(inner)), trace_(trace), wait_(std::move(wait)), operation_(operation), on_host_(on_host) {}

  void wait() override {
    if (!trace_.recording()) return inner_->wait();
    const std::size_t span = trace_.open(wait_);
    inner_->wait();
    trace_.close(span);
    note_end();
  }
  bool done() override {
    const bool done = inner_->done();
    if (done && trace_.recording()) note_end();
    return done;
  }

 private:
  /// The host only learns here that an operation of its own is over; a stream knows.
  void note_end() {
    if (on_host_ && operation_ && !trace_.closed(*operation_)) trace_.close_operation(*operation_, std::nullopt);
  }

  WorkPtr inner_;
  StepTrace& trace_;
  TracedSpan wait_;
  Operation operation_;
  bool on_host_;
};

class TracingCommunicator final : public CommunicatorDecorator {
 public:
  TracingCommunicator(std::unique_ptr<Communicator> inner, std::string axis, StepTrace& trace,
                      std::optional<c10::Stream> stream)
      : CommunicatorDecorator(std::move(inner)), axis_(std::move(axis)), trace_(trace), stream_(stream) {}

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    return traced("all_reduce", tensor, [&] { return CommunicatorDecorator::all_reduce(tensor, op); });
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    return traced("all_gather", output, [&] { return CommunicatorDecorator::all_gather(output, input); });
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    return traced("reduce_scatter", input, [&] { return CommunicatorDecorator::reduce_scatter(output, input, op); });
  }
  WorkPtr broadcast(const at::Tensor& tensor, int root) override {
    return traced("broadcast", tensor, [&] { return CommunicatorDecorator::broadcast(tensor, root); });
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    return traced("all_to_all", input, [&] { return CommunicatorDecorator::all_to_all(output, input); });
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    return traced("send", tensor, [&] { return CommunicatorDecorator::send(tensor, peer); });
  }
  WorkPtr recv(const at::Tensor& tensor, int peer) override {
    return traced("recv", tensor, [&] { return CommunicatorDecorator::recv(tensor, peer); });
  }

  /// What is called inside starts together, at the end: one operation.
  void group(const std::function<void()>& calls) override {
    group_ = begin({.kind = TracedSpan::Kind::operation, .name = "group", .axis = axis_});
    CommunicatorDecorator::group(calls);
    end(std::exchange(group_, std::nullopt));
  }

 private:
  template <class Call>
  WorkPtr traced(const char* name, const at::Tensor& tensor, const Call& call) {
    const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
    TracedSpan span{.kind = TracedSpan::Kind::operation, .name = name, .axis = axis_, .bytes = bytes};
    const Operation operation = group_ ? group_ : begin(span);
    WorkPtr work = call();
    if (!group_) end(operation);
    span.kind = TracedSpan::Kind::wait;
    return std::make_unique<TracedWork>(std::move(work), trace_, std::move(span), operation, !stream_);
  }

  Operation begin(TracedSpan span) {
    if (!trace_.recording()) return std::nullopt;
    return last_ = trace_.open_operation(std::move(span), stream_, last_);
  }
  void end(Operation operation) {
    if (operation && stream_) trace_.close_operation(*operation, stream_);
  }

  const std::string axis_;
  StepTrace& trace_;
  const std::optional<c10::Stream> stream_;  // that operations run on, where it is not the host
  Operation last_, group_;
};

}  // namespace

std::unique_ptr<Communicator> make_tracing_communicator(std::unique_ptr<Communicator> inner, std::string axis,
                                                        StepTrace& trace) {
  const std::optional<c10::Stream> stream = nccl_stream(*inner);
  return std::make_unique<TracingCommunicator>(std::move(inner), std::move(axis), trace, stream);
}

}  // namespace baleen::parallel
