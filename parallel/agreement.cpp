#include "parallel/agreement.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <new>
#include <optional>

#include "core/digest.h"
#include "parallel/text_exchange.h"

namespace baleen::parallel {
namespace {

std::optional<core::Error> failure_of(const std::function<void()>& work, const char* less_memory) {
  try {
    work();
    return std::nullopt;
  } catch (...) {
    return current_error(less_memory);
  }
}

at::Tensor bytes_of(void* data, std::size_t count) {
  return at::from_blob(data, {static_cast<std::int64_t>(count)}, at::kByte);
}

/// One after the other, each part ended by a zero.
std::string text_of(const std::vector<CommonFact>& facts) {
  std::string text;
  for (const CommonFact& fact : facts)
    for (const std::string* part : {&fact.what, &fact.value}) text.append(part->c_str(), part->size() + 1);
  return text;
}

std::map<std::string, std::string> values_of(const std::string& text) {
  std::map<std::string, std::string> values;
  for (std::size_t at = 0; at < text.size();) {
    const std::string what = text.c_str() + at;
    const std::string value = text.c_str() + at + what.size() + 1;
    at += what.size() + value.size() + 2;
    values[what] = value;
  }
  return values;
}

bool equal_on_all_ranks(Communicator& host, const std::string& text) {
  core::Digest mine = core::digest_of(text);
  std::vector<core::Digest> all(static_cast<std::size_t>(host.size()));
  host.all_gather(bytes_of(all.data(), all.size() * sizeof(core::Digest)), bytes_of(&mine, sizeof(mine)))->wait();
  return std::all_of(all.begin(), all.end(), [&](const core::Digest& other) { return other == all.front(); });
}

/// How a rank differs from rank 0. A fact that one of them has not, it has as "nothing".
core::Error difference(int rank, const std::vector<CommonFact>& facts, std::map<std::string, std::string> first) {
  constexpr std::size_t kMostTold = 4;
  std::vector<std::string> told;
  core::ExitCode code = facts.front().code;
  const auto compare = [&](const CommonFact& here, const std::string& there) {
    if (here.value == there) return;
    if (told.empty()) code = here.code;
    told.push_back(fmt::format("{} is {} on rank {} and {} on rank 0", here.what, here.value, rank, there));
  };
  for (const CommonFact& fact : facts) {
    const auto theirs = first.extract(fact.what);
    compare(fact, theirs ? theirs.mapped() : "nothing");
  }
  for (const auto& [what, value] : first) compare({what, "nothing", code}, value);
  const std::size_t left = told.size() - std::min(told.size(), kMostTold);
  told.resize(told.size() - left);
  return {
      code,
      fmt::format("the ranks do not fit together: {}{}", fmt::join(told, "; "),
                  left == 0 ? "" : fmt::format("; and {} more", left)),
      code == core::ExitCode::usage
          ? "start all ranks with the same configuration, overrides and options"
          : "start all ranks from one build, with the same libraries and data: `baleen doctor` shows what a node has"};
}

}  // namespace

core::Error translate(const c10::Error& error, const char* less_memory) {
  const std::string message = error.what_without_backtrace();
  // On the GPU memory has a class of its own, on the CPU all errors are of one.
  const bool out_of_memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                             message.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos;
  if (out_of_memory) return {core::ExitCode::out_of_memory, "out of memory: " + message, less_memory};
  return {core::ExitCode::internal, "internal error: " + message,
          "report this with the command line and the run's log"};
}

core::Error current_error(const char* less_memory) {
  try {
    throw;
  } catch (const core::Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {core::ExitCode::out_of_memory, "out of memory", less_memory};
  } catch (const c10::Error& error) {
    return translate(error, less_memory);
  } catch (const std::exception& error) {
    return {core::ExitCode::internal, std::string("internal error: ") + error.what(),
            "report this with the command line and the run's log"};
  }
}

void succeed_together(Communicator& host, const std::function<void()>& work, const char* less_memory) {
  const std::optional<core::Error> failure = failure_of(work, less_memory);
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

void require_in_common(Communicator& host, const std::vector<CommonFact>& facts) {
  const std::string mine = text_of(facts);
  if (equal_on_all_ranks(host, mine)) return;
  const std::string first = broadcast_text(host, mine, 0);
  succeed_together(host, [&] {
    if (mine != first) throw difference(host.rank(), facts, values_of(first));
  });
}

}  // namespace baleen::parallel
