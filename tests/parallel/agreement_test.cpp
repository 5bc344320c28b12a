#include "parallel/agreement.h"

#include <gmock/gmock.h>

#include <array>
#include <new>
#include <optional>

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

/// What each rank throws where it has these facts.
std::vector<std::optional<AgreedError>> thrown_for(const std::vector<std::vector<CommonFact>>& facts) {
  std::vector<std::optional<AgreedError>> thrown(facts.size());
  run_threads(static_cast<int>(facts.size()), [&](Communicator& host) {
    const auto rank = static_cast<std::size_t>(host.rank());
    try {
      require_in_common(host, facts[rank]);
    } catch (const AgreedError& error) {
      thrown[rank].emplace(error);
    }
    host.barrier();  // the communicator goes on
  });
  return thrown;
}

std::vector<CommonFact> started_with(const std::string& steps, const std::string& nccl) {
  return {{"NCCL", nccl, ExitCode::environment}, {"training.steps", steps}, {"run.name", "\"a, b\""}};
}

TEST(RequireInCommon, ReturnsWhereRanksAreAlike) {
  const auto facts = started_with("100", "2.28.9");
  for (const auto& error : thrown_for({facts, facts, facts})) EXPECT_FALSE(error.has_value());
}

TEST(RequireInCommon, NamesRankKeyAndBothValuesOnceAndFailsEverywhere) {
  const auto facts = started_with("100", "2.28.9"), other = started_with("200", "2.28.9");
  const auto thrown = thrown_for({facts, facts, other, other});
  for (std::size_t rank = 0; rank < 4; ++rank) {
    ASSERT_TRUE(thrown[rank]) << rank;
    EXPECT_EQ(thrown[rank]->code(), ExitCode::usage);
    EXPECT_EQ(thrown[rank]->is_origin(), rank == 2);
  }
  EXPECT_STREQ(thrown[2]->what(), "the ranks do not fit together: training.steps is 200 on rank 2 and 100 on rank 0");
  EXPECT_EQ(thrown[2]->next_action(), "start all ranks with the same configuration, overrides and options");
}

TEST(RequireInCommon, AnotherLibraryIsAnotherEnvironment) {
  const auto thrown = thrown_for({started_with("100", "2.28.9"), started_with("200", "2.27.3")});
  for (const auto& error : thrown) EXPECT_EQ(error->code(), ExitCode::environment);
  EXPECT_STREQ(thrown[1]->what(),
               "the ranks do not fit together: NCCL is 2.27.3 on rank 1 and 2.28.9 on rank 0; training.steps is 200 on "
               "rank 1 and 100 on rank 0");
  EXPECT_THAT(thrown[1]->next_action(), testing::HasSubstr("one build"));
}

TEST(RequireInCommon, TellsOfWhatOneRankHasNot) {
  const std::vector<CommonFact> one{{"MPI", "4.1"}}, two{{"MPI", "4.1"}, {"NCCL", "2.28.9"}};
  EXPECT_THAT(thrown_for({one, two})[1]->what(), testing::HasSubstr("NCCL is 2.28.9 on rank 1 and nothing on rank 0"));
  EXPECT_THAT(thrown_for({two, one})[1]->what(), testing::HasSubstr("NCCL is nothing on rank 1 and 2.28.9 on rank 0"));
}

TEST(RequireInCommon, CountsWhatItDoesNotTell) {
  std::vector<CommonFact> none, all;
  for (const char* key : {"a", "b", "c", "d", "e", "f"}) {
    none.push_back({key, "0"});
    all.push_back({key, "1"});
  }
  const auto thrown = thrown_for({none, all});
  EXPECT_THAT(thrown[1]->what(), testing::EndsWith("d is 1 on rank 1 and 0 on rank 0; and 2 more"));
}

}  // namespace
}  // namespace baleen::parallel
