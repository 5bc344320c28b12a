#include "apps/run_verb.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "core/error.h"

namespace baleen::apps {
namespace {

struct Told {
  int code;
  std::string text;
};

Told tell(const std::function<int()>& verb) {
  testing::internal::CaptureStderr();
  const int code = run_verb(verb);
  return {code, testing::internal::GetCapturedStderr()};
}

TEST(RunVerb, HandsOnWhatTheVerbReturns) {
  for (const int code : {0, 75}) {
    const Told told = tell([=] { return code; });
    EXPECT_EQ(told.code, code);
    EXPECT_EQ(told.text, "");
  }
}

TEST(RunVerb, ErrorsBecomeAMessageANextActionAndTheirCode) {
  const Told told = tell([]() -> int { throw core::Error(core::ExitCode::storage, "disk full", "free some space"); });
  EXPECT_EQ(told.code, 40);
  EXPECT_EQ(told.text, "baleen: disk full\n  free some space\n");
}

TEST(RunVerb, ErrorsWithoutANextActionAreOneLine) {
  const Told told = tell([]() -> int { throw core::Error(core::ExitCode::busy, "the run directory is in use"); });
  EXPECT_EQ(told.code, 12);
  EXPECT_EQ(told.text, "baleen: the run directory is in use\n");
}

TEST(RunVerb, OutOfMemoryHasItsOwnCode) {
  const Told told = tell([]() -> int { throw std::bad_alloc(); });
  EXPECT_EQ(told.code, 50);
  EXPECT_EQ(told.text.rfind("baleen: out of memory\n", 0), 0u) << told.text;
}

TEST(RunVerb, AnythingElseIsADefectOfBaleen) {
  const Told told = tell([]() -> int { throw std::out_of_range("vector::at"); });
  EXPECT_EQ(told.code, 70);
  EXPECT_EQ(told.text.rfind("baleen: internal error: vector::at\n", 0), 0u) << told.text;
}

}  // namespace
}  // namespace baleen::apps
