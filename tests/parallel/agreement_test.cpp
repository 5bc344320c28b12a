#include "parallel/agreement.h"

#include <gmock/gmock.h>

#include <array>
#include <new>

#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

using core::Error;
using core::ExitCode;

TEST(SucceedTogether, ReturnsWhereAllSucceed) {
  std::array<int, 3> runs{};
  run_threads(
      3, [&](Communicator& host) { succeed_together(host, [&] { ++runs[static_cast<std::size_t>(host.rank())]; }); });
  EXPECT_THAT(runs, testing::Each(1));
}

TEST(SucceedTogether, FailsEverywhereWithTheCodeOfTheLowestRankThatFailed) {
  run_threads(4, [&](Communicator& host) {
    try {
      succeed_together(host, [&] {
        if (host.rank() == 1) throw Error(ExitCode::storage, "the disk is full", "make room");
        if (host.rank() == 3) throw Error(ExitCode::usage, "another trouble");
      });
      ADD_FAILURE() << "rank " << host.rank() << " succeeded";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.code(), ExitCode::storage);
      EXPECT_EQ(error.is_origin(), host.rank() == 1);
      EXPECT_STREQ(error.what(), host.rank() == 1 ? "the disk is full" : "rank 1 failed");
      EXPECT_EQ(error.next_action(), host.rank() == 1 ? "make room" : "");
    }
    host.barrier();  // the communicator goes on
  });
}

TEST(SucceedTogether, NamesTheKindOfOtherExceptions) {
  run_threads(2, [&](Communicator& host) {
    const auto code_of = [&](const std::function<void()>& work) {
      try {
        succeed_together(host, work);
      } catch (const AgreedError& error) {
        return error.code();
      }
      return ExitCode::ok;
    };
    EXPECT_EQ(code_of([&] {
                if (host.rank() == 1) throw std::bad_alloc();
              }),
              ExitCode::out_of_memory);
    EXPECT_EQ(code_of([&] {
                if (host.rank() == 1) throw std::runtime_error("?");
              }),
              ExitCode::internal);
  });
}

}  // namespace
}  // namespace baleen::parallel
