#include "parallel/thread_communicator.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cstring>
#include <thread>

#include "parallel/host_collectives.h"
#include "parallel/thread_meeting.h"

namespace baleen::parallel {
namespace {

using threads::Call, threads::Group, threads::Kind, threads::Meeting, threads::Message, threads::Pending,
    threads::World;

class PendingWork final : public Work {
 public:
  PendingWork(std::shared_ptr<Group> group, std::shared_ptr<Pending> pending)
      : group_(std::move(group)), pending_(std::move(pending)) {}

  void wait() override {
    const World& world = *group_->world;
    std::unique_lock lock(group_->world->mutex);
    group_->changed.wait(lock, [&] { return pending_->done || world.first; });
    if (!pending_->done) world.throw_if_failed();
    if (!pending_->error.empty()) throw core::Error(core::ExitCode::internal, pending_->error);
  }
  bool done() override {
    const std::lock_guard lock(group_->world->mutex);
    return pending_->done;
  }

 private:
  std::shared_ptr<Group> group_;
  std::shared_ptr<Pending> pending_;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Group> group, int rank) : group_(std::move(group)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return group_->size; }
  std::string name() const override { return "threads"; }

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    check_tensor(tensor, at::kCPU);
    return issue({.kind = Kind::all_reduce, .output = tensor, .input = tensor, .op = op});
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, size(), at::kCPU);
    return issue({.kind = Kind::all_gather, .output = output, .input = input});
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    check_tensors(input, output, size(), at::kCPU);
    return issue({.kind = Kind::reduce_scatter, .output = output, .input = input, .op = op});
  }
  WorkPtr broadcast(const at::Tensor& tensor, int root) override {
    check_tensor(tensor, at::kCPU);
    core::require(root >= 0 && root < size(), "the root of a broadcast is a rank of the communicator");
    return issue({.kind = Kind::broadcast, .output = tensor, .input = tensor, .root = root});
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, 1, at::kCPU);
    core::require(input.numel() % size() == 0, "an all-to-all has equal parts");
    return issue({.kind = Kind::all_to_all, .output = output, .input = input});
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override { return post(true, tensor, peer); }
  WorkPtr recv(const at::Tensor& tensor, int peer) override { return post(false, tensor, peer); }
  void group(const std::function<void()>& calls) override { calls(); }  // nothing here blocks before wait()

  std::unique_ptr<Communicator> split(int color, int key) override {
    std::shared_ptr<Group> group;
    int rank = 0;
    issue({.kind = Kind::split, .color = color, .key = key, .new_group = &group, .new_rank = &rank})->wait();
    return std::make_unique<ThreadCommunicator>(std::move(group), rank);
  }
  void barrier() override { issue({.kind = Kind::barrier})->wait(); }

 private:
  WorkPtr issue(Call call);
  WorkPtr post(bool send, const at::Tensor& tensor, int peer);

  std::shared_ptr<Group> group_;
  int rank_;
  std::uint64_t issued_ = 0;
};

WorkPtr ThreadCommunicator::issue(Call call) {
  World& world = *group_->world;
  std::unique_lock lock(world.mutex);
  world.throw_if_failed();
  std::shared_ptr<Meeting>& slot = group_->meetings[issued_];
  if (!slot) slot = std::make_shared<Meeting>(size());
  const std::shared_ptr<Meeting> meeting = slot;
  meeting->calls[static_cast<std::size_t>(rank_)] = std::move(call);
  if (++meeting->issued == size()) {
    group_->meetings.erase(issued_);
    lock.unlock();  // nobody else touches the meeting before it is done
    meeting->error = threads::disagreement(meeting->calls);
    if (meeting->error.empty()) threads::run_collective(meeting->calls, group_->world);
    meeting->calls.clear();
    lock.lock();
    meeting->done = true;
    group_->changed.notify_all();
  }
  ++issued_;
  return std::make_unique<PendingWork>(group_, meeting);
}

WorkPtr ThreadCommunicator::post(bool send, const at::Tensor& tensor, int peer) {
  check_tensor(tensor, at::kCPU);
  core::require(peer >= 0 && peer < size() && peer != rank_, "a message goes to another rank of the communicator");
  World& world = *group_->world;
  const std::lock_guard lock(world.mutex);
  world.throw_if_failed();
  auto& box = group_->mail[send ? std::pair(rank_, peer) : std::pair(peer, rank_)];
  const auto mine = std::make_shared<Message>();
  mine->send = send;
  mine->tensor = tensor;
  if (box.empty() || box.front()->send == send) {
    box.push_back(mine);
    return std::make_unique<PendingWork>(group_, mine);
  }
  const std::shared_ptr<Message> theirs = std::move(box.front());
  box.pop_front();
  const at::Tensor& from = send ? tensor : theirs->tensor;
  const at::Tensor& to = send ? theirs->tensor : tensor;
  if (from.scalar_type() != to.scalar_type() || from.numel() != to.numel())
    mine->error = fmt::format("internal error: a send of {} {} met a recv of {} {}", from.numel(),
                              at::toString(from.scalar_type()), to.numel(), at::toString(to.scalar_type()));
  else if (from.nbytes() != 0)
    std::memcpy(to.data_ptr(), from.data_ptr(), from.nbytes());
  theirs->error = mine->error;
  theirs->tensor.reset();
  mine->done = theirs->done = true;
  group_->changed.notify_all();
  return std::make_unique<PendingWork>(group_, mine);
}

std::string words_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

void fail(World& world, int rank, std::exception_ptr exception) {
  const std::lock_guard lock(world.mutex);
  if (world.first) return;
  world.why = fmt::format("rank {} stopped: {}", rank, words_of(exception));
  world.first = std::move(exception);
  for (const std::weak_ptr<Group>& group : world.groups)
    if (const std::shared_ptr<Group> alive = group.lock()) alive->changed.notify_all();
}

}  // namespace

void run_threads(int ranks, const std::function<void(Communicator& world)>& rank) {
  const auto world = std::make_shared<World>();
  const auto group = threads::make_group(world, ranks);
  const int threads_before = at::get_num_threads();
  {
    std::vector<std::jthread> started;
    const auto body = [&](int r) {
      try {
        at::set_num_threads(1);
        ThreadCommunicator communicator(group, r);
        rank(communicator);
      } catch (...) {
        fail(*world, r, std::current_exception());
      }
    };
    try {
      for (int r = 0; r < ranks; ++r) started.emplace_back(body, r);
    } catch (...) {  // no thread to be had: those that run must not wait for it
      fail(*world, static_cast<int>(started.size()), std::current_exception());
    }
  }
  at::set_num_threads(threads_before);
  if (world->first) std::rethrow_exception(world->first);
}

}  // namespace baleen::parallel
