#include "core/log.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace baleen::core {
namespace {

using testing::HasSubstr;

std::string stderr_of(const std::function<void()>& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, RankZeroTellsEverythingPlainly) {
  set_log_rank(0);
  EXPECT_EQ(stderr_of([] { log_info("step 1 done"); }), "step 1 done\n");
  EXPECT_EQ(stderr_of([] { log_warning("slow disk"); }), "warning: slow disk\n");
  EXPECT_EQ(stderr_of([] { log_fatal("no more"); }), "baleen: no more\n");
}

TEST(Log, OtherRanksTellOnlyTroubleAndWhoTheyAre) {
  set_log_rank(3);
  EXPECT_EQ(stderr_of([] { log_info("step 1 done"); }), "");
  EXPECT_EQ(stderr_of([] { log_warning("slow disk"); }), "warning: rank 3: slow disk\n");
  set_log_rank(0);
}

TEST(Log, BracesAreText) {
  EXPECT_EQ(stderr_of([] { log_info("{} {0} %v"); }), "{} {0} %v\n");
}

TEST(Log, FileGetsEverythingWithTheTime) {
  const tests::TemporaryFolder folder;
  log_to_file(folder / "log/rank-00000.log");
  stderr_of([] {
    set_log_rank(1);
    log_info("hidden from the terminal");
    log_error("disk gone");
    set_log_rank(0);
  });
  const std::string file = folder.read("log/rank-00000.log");
  EXPECT_THAT(file, HasSubstr("info hidden from the terminal\n"));
  EXPECT_THAT(file, HasSubstr("error disk gone\n"));
  EXPECT_THAT(file, testing::MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9.]+ (.|\n)*"));
}

TEST(Log, AFileThatTakesNoMoreIsToldOfOnceInOurWords) {
  const tests::TemporaryFolder folder;
  constexpr std::size_t kBytes = 4096;  // what is captured needs some
  const std::filesystem::path file = folder.write("file", std::string(kBytes, '-'));
  const auto told = [&](const std::function<void()>& action) {
    const tests::FileSizeLimit limit(kBytes);
    log_to_file(file);
    return stderr_of(action);
  };
  EXPECT_EQ(told([] {
              log_info("one");
              log_info("two");
            }),
            "one\nwarning: cannot write " + file.string() +
                ": File too large; lines may be missing there from here on\ntwo\n");
  EXPECT_EQ(told([] { log_fatal("no space for the last save"); }), "baleen: no space for the last save\n");
}

}  // namespace
}  // namespace baleen::core
