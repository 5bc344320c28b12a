#include "launch/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

#include "core/error.h"

namespace baleen::launch {
namespace {

TEST(Signals, AreRecordedUntilRead) {
  Signals signals;
  EXPECT_FALSE(signals.save_and_exit() || signals.take_save() || signals.stop());
  std::raise(SIGUSR2);
  EXPECT_TRUE(signals.take_save());
  EXPECT_FALSE(signals.take_save());
  std::raise(SIGUSR1);
  EXPECT_TRUE(signals.save_and_exit());
  EXPECT_TRUE(signals.save_and_exit());
  EXPECT_FALSE(signals.stop());
  std::raise(SIGTERM);
  EXPECT_TRUE(signals.stop());
}

TEST(Signals, ThatStopAreAnsweredAtOnceWhereAsked) {
  testing::internal::CaptureStderr();
  {
    Signals silent;
    std::raise(SIGINT);
  }
  Signals signals("stopping\n");
  std::raise(SIGUSR2);
  std::raise(SIGINT);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "stopping\n");
}

TEST(Signals, ThatStopAreAnsweredWithWhatComesOfIt) {
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
  EXPECT_EQ(answer_to_stop("runs/a"),
            "baleen: stopping after this step; the same signal again stops at once, without saving\n");
  ::setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  EXPECT_EQ(
      answer_to_stop("runs/a"),
      "baleen: stopping after this step; if mpirun was signalled, it gives its ranks about a second, and only a step "
      "shorter than that is saved; `touch runs/a/STOP` or SIGUSR1 always saves\n");
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
}

TEST(Signals, AreAnsweredWhereNobodyReads) {
  Signals signals("stopping\n");
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const int standard_error = ::dup(STDERR_FILENO);
  ::close(ends[0]);
  ::dup2(ends[1], STDERR_FILENO);
  std::raise(SIGINT);  // whose handler writes into the broken pipe
  ::dup2(standard_error, STDERR_FILENO);
  ::close(standard_error);
  ::close(ends[1]);
  EXPECT_TRUE(signals.stop());
}

TEST(Signals, TakeAClosedTerminalForARequestToStopButUnderNohup) {
  {
    Signals signals;
    std::raise(SIGHUP);
    EXPECT_TRUE(signals.stop());
  }
  void (*const before)(int) = std::signal(SIGHUP, SIG_IGN);
  {
    Signals signals;
    std::raise(SIGHUP);
    EXPECT_FALSE(signals.stop());
  }
  std::signal(SIGHUP, before);
}

TEST(Signals, StartClean) {
  {
    Signals before;
    std::raise(SIGINT);
    std::raise(SIGUSR1);
  }
  Signals signals;
  EXPECT_FALSE(signals.save_and_exit() || signals.stop());
}

volatile std::sig_atomic_t g_seen = 0;
void count(int) {
  g_seen = g_seen + 1;
}

TEST(Signals, RestoreTheHandlersThatWereThere) {
  void (*const before)(int) = std::signal(SIGUSR2, count);
  {
    Signals signals;
    std::raise(SIGUSR2);
    EXPECT_EQ(g_seen, 0);
  }
  std::raise(SIGUSR2);
  EXPECT_EQ(g_seen, 1);
  std::signal(SIGUSR2, before);
}

TEST(Signals, BelongToOneObject) {
  std::optional<Signals> first(std::in_place);
  EXPECT_THROW(Signals(), core::Error);
  std::raise(SIGUSR1);
  EXPECT_TRUE(first->save_and_exit());
  first.reset();
  Signals again;
}

TEST(SignalsDeathTest, TheSecondTermEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Signals signals;
        std::raise(SIGTERM);
        if (signals.stop()) std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace baleen::launch
