#include "parallel/agreement.h"

#include <ATen/ops/tensor.h>

#include <new>
#include <optional>
#include <string>

namespace baleen::parallel {
namespace {

constexpr const char* kLessMemory = "lower training.micro_batch_size, or set training.recompute=\"block\"";

std::optional<core::Error> failure_of(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const core::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return core::Error(core::ExitCode::out_of_memory, "out of memory", kLessMemory);
  } catch (const c10::Error& error) {
    return translate(error);
  } catch (const std::exception& error) {
    return core::Error(core::ExitCode::internal, error.what());
  }
}

}  // namespace

core::Error translate(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  // On the GPU memory has a class of its own, on the CPU all errors are of one.
  const bool out_of_memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                             message.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos;
  if (out_of_memory) return {core::ExitCode::out_of_memory, "out of memory: " + message, kLessMemory};
  return {core::ExitCode::internal, "internal error: " + message,
          "report this with the command line and the run's log"};
}

void succeed_together(Communicator& host, const std::function<void()>& work) {
  const std::optional<core::Error> failure = failure_of(work);
  const at::Tensor first = at::tensor({std::int64_t{failure ? host.rank() : host.size()}}, at::kLong);
  host.all_reduce(first, ReduceOp::min)->wait();
  const auto origin = static_cast<int>(first.item<std::int64_t>());
  if (origin == host.size()) return;

  const at::Tensor code = at::tensor({std::int64_t{failure ? static_cast<int>(failure->code()) : 0}}, at::kLong);
  host.broadcast(code, origin)->wait();
  if (failure && origin == host.rank()) throw AgreedError(*failure, true);
  const auto exit_code = static_cast<core::ExitCode>(code.item<std::int64_t>());
  throw AgreedError(core::Error(exit_code, "rank " + std::to_string(origin) + " failed"), false);
}

}  // namespace baleen::parallel
