#include "parallel/agreement.h"

#include <ATen/ops/tensor.h>

#include <new>
#include <optional>
#include <string>

namespace baleen::parallel {
namespace {

std::optional<core::Error> failure_of(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const core::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return core::Error(core::ExitCode::out_of_memory, "out of memory", "use fewer or larger nodes' memory");
  } catch (const std::exception& error) {
    return core::Error(core::ExitCode::internal, error.what());
  }
}

}  // namespace

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
