#pragma once
// Failing together: work that may fail on some ranks ends in the same exception on all of them, so that nobody waits
// for a rank that has left. And what ranks must have in common for that.

#include <c10/util/Exception.h>

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "parallel/communicator.h"

namespace baleen::parallel {

/// Thrown on every rank. The rank whose work failed carries its own message and tells it; the others stay silent.
class AgreedError : public core::Error {
 public:
  AgreedError(const core::Error& error, bool is_origin) : core::Error(error), is_origin_(is_origin) {}
  /// Whether this rank is the (lowest) one that failed.
  bool is_origin() const { return is_origin_; }

 private:
  bool is_origin_;
};

/// What to do where a training step runs out of memory.
inline constexpr char kSmallerSteps[] = "lower training.micro_batch_size, or set training.recompute=\"block\"";

/// LibTorch's error in our words: without its stack trace, and told apart where memory ran out; `less_memory` is the
/// advice then.
core::Error translate(const c10::Error& error, const char* less_memory = kSmallerSteps);

/// The exception that is being handled, in our words.
core::Error current_error(const char* less_memory = kSmallerSteps);

/// Collective over `host` (host tensors). Runs `work` on this rank and returns when it has succeeded on all. Where it
/// threw on one, all throw AgreedError with the exit code of the lowest rank that failed. `less_memory` as above.
void succeed_together(Communicator& host, const std::function<void()>& work, const char* less_memory = kSmallerSteps);

/// Something that all ranks must have in common: "training.steps", "100".
struct CommonFact {
  std::string what, value;
  core::ExitCode code = core::ExitCode::usage;  // of the run where ranks differ in it
};

/// Collective over `host`. Returns where every rank has the facts of rank 0, which takes one exchange of digests.
/// Otherwise all throw AgreedError; the lowest rank that differs tells in what, with its value and that of rank 0.
void require_in_common(Communicator& host, const std::vector<CommonFact>& facts);

}  // namespace baleen::parallel
