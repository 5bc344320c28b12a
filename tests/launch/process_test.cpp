// Starts rank_program.cpp under mpirun and looks at what it prints, its exit code and how long it takes.

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1;
  std::string output;
  double seconds = 0;
};

Outcome shell(const std::string& command) {
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> chunk{};
  while (const std::size_t n = std::fread(chunk.data(), 1, chunk.size(), pipe)) outcome.output.append(chunk.data(), n);
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return outcome;
}

std::string program() {
  return std::string(std::getenv("BALEEN_BINARY_DIR")) + "/bin/launch_rank ";
}

Outcome ranks(int n, const std::string& arguments) {
  return shell("OMP_NUM_THREADS=1 " + std::string(std::getenv("BALEEN_SOURCE_DIR")) + "/tools/mpirun_local " +
               std::to_string(n) + " " + program() + arguments);
}

TEST(Process, WorksWithoutMpirun) {
  const Outcome outcome = shell(program() + "threads 1");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output, "rank 0 size 1 sum 1 local 0/1 threads 1 1 device cpu\n");
}

TEST(Process, KnowsItsPlaceAmongTheRanks) {
  const Outcome outcome = ranks(3, "report");
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  for (int rank = 0; rank < 3; ++rank) {
    const std::string r = std::to_string(rank);
    EXPECT_THAT(outcome.output, HasSubstr("rank " + r + " size 3 sum 3 local " + r + "/3 threads 1 1 device cpu"));
  }
}

TEST(Process, ComputesWithTheThreadsThatAreAsked) {
  EXPECT_THAT(shell(program() + "threads 3").output, HasSubstr("threads 3 3"));
  EXPECT_THAT(shell("OMP_NUM_THREADS=2 " + program() + "report").output, HasSubstr("threads 2 2"));
  EXPECT_THAT(shell("OMP_NUM_THREADS=2 " + program() + "threads 1").output, HasSubstr("threads 1 1"));
  EXPECT_THAT(shell("taskset -c $(taskset -cp $$ | sed 's/.*: *\\([0-9]*\\).*/\\1/') env -u OMP_NUM_THREADS " +
                    program() + "report")
                  .output,
              HasSubstr("threads 1 1"));
}

TEST(Process, NamesWhatIsWrongWithItsOptions) {
  const Outcome device = shell(program() + "bad");
  EXPECT_EQ(device.code, 2);
  EXPECT_EQ(device.output, "error: launch.device is \"tpu\"\n");
  const Outcome threads = shell(program() + "threads -1");
  EXPECT_EQ(threads.code, 2);
  EXPECT_EQ(threads.output, "error: launch.threads_per_rank is -1\n");
}

TEST(Process, ARankThatThrowsEndsTheJobWithItsCode) {
  const double start_up = ranks(3, "report").seconds;
  for (const char* how : {"throw", "throw-late"}) {
    const Outcome outcome = ranks(3, how);
    EXPECT_EQ(outcome.code, 40) << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr("error: the disk is full"));
    EXPECT_THAT(outcome.output, Not(HasSubstr("was let through")));
    EXPECT_LT(outcome.seconds - start_up, 2) << how;
  }
}

TEST(Process, AloneItEndsWithItsCodeAndNoWordsOfMpi) {
  const Outcome outcome = shell(program() + "throw");
  EXPECT_EQ(outcome.code, 40);
  EXPECT_EQ(outcome.output, "error: the disk is full\n");
}

TEST(MpirunLocal, RefusesWrongArguments) {
  const std::string tool = std::string(std::getenv("BALEEN_SOURCE_DIR")) + "/tools/mpirun_local";
  for (const char* arguments : {"", " 2", " 0 true", " two true"}) {
    const Outcome outcome = shell(tool + arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.output, HasSubstr("usage: mpirun_local RANKS|gpus PROGRAM"));
  }
}

TEST(MpirunLocal, PassesTheExitCodeOn) {
  EXPECT_EQ(ranks(2, "threads -1").code, 2);
}

}  // namespace
