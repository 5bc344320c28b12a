#pragma once
// What each rank of a test has asked LibTorch for, and communicators that keep what NCCL would.

#include <c10/core/Allocator.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "parallel/communicator_decorator.h"

namespace baleen::planner {

/// Bytes that one thread, and so one rank, has allocated, whoever frees them.
struct Held {
  std::atomic<std::int64_t> now = 0, most = 0;
};

inline Held& held_by_this_thread() {
  static std::deque<Held> all;  // outlive their threads
  static std::mutex mutex;
  thread_local Held* mine = nullptr;
  const std::lock_guard lock(mutex);
  if (mine == nullptr) mine = &all.emplace_back();
  return *mine;
}

/// In place of LibTorch's while it lives. A block begins with who holds it.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : before_(c10::GetAllocator(c10::DeviceType::CPU)) {
    c10::SetAllocator(c10::DeviceType::CPU, this);
  }
  ~CountingAllocator() override { c10::SetAllocator(c10::DeviceType::CPU, before_); }
  CountingAllocator(const CountingAllocator&) = delete;
  CountingAllocator& operator=(const CountingAllocator&) = delete;

  c10::DataPtr allocate(std::size_t bytes) override {
    auto* head = static_cast<Head*>(std::aligned_alloc(sizeof(Head), (bytes / sizeof(Head) + 2) * sizeof(Head)));
    Held& held = *(head->held = &held_by_this_thread());
    held.now += head->bytes = static_cast<std::int64_t>(bytes);
    held.most = std::max<std::int64_t>(held.most, held.now);
    return {head + 1, head + 1, release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  struct alignas(64) Head {
    Held* held;
    std::int64_t bytes;
  };
  static void release(void* data) {
    Head* head = static_cast<Head*>(data) - 1;
    head->held->now -= head->bytes;
    std::free(head);
  }

  c10::Allocator* before_;
};

/// Keeps its tensors until it is waited for.
class KeepingWork final : public parallel::Work {
 public:
  KeepingWork(parallel::WorkPtr work, std::vector<at::Tensor> tensors)
      : work_(std::move(work)), tensors_(std::move(tensors)) {}
  void wait() override {
    work_->wait();
    tensors_.clear();
  }
  bool done() override { return work_->done(); }

 private:
  parallel::WorkPtr work_;
  std::vector<at::Tensor> tensors_;
};

/// As NCCL: in deterministic mode blocks are exchanged, and all that is under way is kept.
class LikeNccl final : public parallel::CommunicatorDecorator {
 public:
  using CommunicatorDecorator::CommunicatorDecorator;
  bool sums_in_rank_order() const override { return false; }
  parallel::WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    return std::make_unique<KeepingWork>(CommunicatorDecorator::all_to_all(output, input),
                                         std::vector<at::Tensor>{output, input});
  }
};

inline std::unique_ptr<parallel::Communicator> make_like_nccl(parallel::Communicator& host, const std::string&) {
  return std::make_unique<LikeNccl>(host.split(0, host.rank()));
}

}  // namespace baleen::planner
