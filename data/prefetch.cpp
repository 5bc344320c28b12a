#include "data/prefetch.h"

#include <chrono>
#include <utility>

#include "core/error.h"

namespace baleen::data {

PrefetchSource::PrefetchSource(MakePart make_part, std::int64_t steps, int depth)
    : make_part_(std::move(make_part)),
      steps_(steps),
      depth_(static_cast<std::size_t>(depth)),
      thread_([this] { run(); }) {}

PrefetchSource::~PrefetchSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

GlobalBatchPart PrefetchSource::next(std::int64_t step) {
  core::require(step >= 0 && (steps_ == 0 || step < steps_), "the step lies inside the source");
  const auto began = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  if (step != expected_) {
    ready_.clear();
    ++round_;
    expected_ = upcoming_ = step;
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return !ready_.empty(); });
  Made made = std::move(ready_.front());
  ready_.pop_front();
  expected_ = made.error ? -1 : after(step);  // after an error the same step may be asked for again
  lock.unlock();
  changed_.notify_all();
  if (made.error) std::rethrow_exception(made.error);
  made.part.wait_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return std::move(made.part);
}

void PrefetchSource::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || (upcoming_ >= 0 && ready_.size() < depth_); });
    if (stopping_) return;
    const std::int64_t step = upcoming_;
    const std::uint64_t round = round_;
    lock.unlock();
    Made made = make(step);
    lock.lock();
    if (round != round_) continue;  // the consumer has jumped elsewhere meanwhile
    upcoming_ = made.error ? -1 : after(step);
    ready_.push_back(std::move(made));
    changed_.notify_all();
  }
}

PrefetchSource::Made PrefetchSource::make(std::int64_t step) const {
  try {
    return {step, make_part_(step), nullptr};
  } catch (...) {
    return {step, {}, std::current_exception()};
  }
}

}  // namespace baleen::data
