#pragma once
// A thread that makes the parts of coming steps while the trainer computes.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "data/loader.h"

namespace baleen::data {

/// Wraps a function of the step, which the thread calls for ascending steps, wrapping to 0 at `steps` (0: never).
class PrefetchSource final : public BatchSource {
 public:
  using MakePart = std::function<GlobalBatchPart(std::int64_t step)>;

  /// Holds up to `depth` >= 1 finished parts. The thread sleeps until the first next().
  PrefetchSource(MakePart make_part, std::int64_t steps, int depth);
  /// Waits for the part that is being made, if any.
  ~PrefetchSource() override;

  GlobalBatchPart next(std::int64_t step) override;
  std::int64_t steps() const override { return steps_; }

 private:
  struct Made {
    std::int64_t step;
    GlobalBatchPart part;
    std::exception_ptr error;
  };

  void run();
  Made make(std::int64_t step) const;
  std::int64_t after(std::int64_t step) const { return step + 1 == steps_ ? 0 : step + 1; }

  const MakePart make_part_;
  const std::int64_t steps_;
  const std::size_t depth_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Made> ready_;      // ascending from expected_
  std::int64_t expected_ = -1;  // step of the front of ready_; -1 before the first next()
  std::int64_t upcoming_ = -1;  // step to be made next; -1: sleep
  std::uint64_t round_ = 0;     // grows when a jump makes what is under way worthless
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace baleen::data
