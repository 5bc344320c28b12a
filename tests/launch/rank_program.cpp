// One rank that does what its first argument says; process_test.cpp starts it under mpirun.
//   report         prints rank, size, local rank, threads, device
//   threads N      the same with launch.threads_per_rank = N
//   device NAME    the same on this device
//   throw          the last rank fails with exit code 40 while the others wait for it
//   throw-late     the same, with an operation under way
//   bad            options that make no sense

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <fmt/core.h>

#include <cstdlib>
#include <string>

#include "launch/process.h"

namespace {

using baleen::core::Error;
using baleen::core::ExitCode;

void report(baleen::launch::Process& process) {
  const at::Tensor sum = at::ones({1});
  process.world().all_reduce(sum, baleen::parallel::ReduceOp::sum)->wait();
  fmt::print("rank {} size {} sum {} local {}/{} threads {} {} device {}\n", process.rank(), process.size(),
             sum.item<int>(), process.local_rank(), process.local_size(), process.threads(), at::get_num_threads(),
             process.device().str());
}

void fail_on_the_last(baleen::launch::Process& process, bool late) {
  const at::Tensor tensor = at::ones({100000});
  baleen::parallel::WorkPtr work;
  if (late) work = process.world().all_reduce(tensor, baleen::parallel::ReduceOp::sum);
  if (process.rank() == process.size() - 1) throw Error(ExitCode::storage, "the disk is full");
  if (work) work->wait();
  process.world().barrier();
  fmt::print("rank {} was let through\n", process.rank());
}

void run(const std::string& what, const std::string& argument) {
  baleen::launch::ProcessOptions options;
  options.device = what == "device" ? argument : what == "bad" ? "tpu" : "cpu";
  if (what == "threads") options.threads_per_rank = std::atoi(argument.c_str());
  baleen::launch::Process process(options);
  if (what.starts_with("throw"))
    fail_on_the_last(process, what == "throw-late");
  else
    report(process);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "report", argc > 2 ? argv[2] : "");
    return 0;
  } catch (const Error& error) {
    fmt::print("error: {}\n", error.what());
    baleen::launch::abort(error.code());
  }
}
