#include "data/utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace baleen::data {
namespace {

TEST(Utf8, AcceptsTheBordersOfEveryLength) {
  for (const std::string text : {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF",
                                 "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(first_utf8_error(text), std::nullopt) << testing::PrintToString(text);
    EXPECT_EQ(first_utf8_error("0123456789" + text + "0123456789"), std::nullopt) << testing::PrintToString(text);
  }
}

TEST(Utf8, NamesTheByteWhereABadSequenceBegins) {
  const std::vector<std::string> bad = {
      "\x80",              // a continuation alone
      "\xC0\xAF",          // overlong
      "\xC1\xBF",          // overlong
      "\xE0\x9F\xBF",      // overlong
      "\xED\xA0\x80",      // a surrogate
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xF4\x90\x80\x80",  // above U+10FFFF
      "\xF5\x80\x80\x80",
      "\xFF",
      "\xC3",  // the end is missing
      "\xE2\x82",
      "\xF0\x9F\x98",
      "\xC3\x28",  // the continuation is missing
  };
  for (const std::string& sequence : bad) {
    for (const std::string before : {"", "abc", "0123456789", "\xC3\xA9"}) {
      EXPECT_EQ(first_utf8_error(before + sequence), before.size()) << testing::PrintToString(before + sequence);
    }
  }
}

TEST(Utf8, MeasuresTheUnfinishedTail) {
  EXPECT_EQ(incomplete_utf8_tail(""), 0u);
  EXPECT_EQ(incomplete_utf8_tail("abc"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xC3\xA9"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("a\xC3"), 1u);
  EXPECT_EQ(incomplete_utf8_tail("a\xE2\x82"), 2u);
  EXPECT_EQ(incomplete_utf8_tail("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(incomplete_utf8_tail("\xE0\x80"), 0u) << "cannot become valid: nothing to wait for";
  EXPECT_EQ(incomplete_utf8_tail("\x80\x80\x80\x80"), 0u);
}

TEST(Utf8Stream, GivesWholeCharactersWhereverTheBytesAreCut) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Stream stream;
    std::string shown = stream.push(text.substr(0, cut));
    EXPECT_EQ(first_utf8_error(shown), std::nullopt);
    shown += stream.push(text.substr(cut));
    EXPECT_EQ(shown, text);
    EXPECT_EQ(stream.finish(), "");
  }
  Utf8Stream stream;
  std::string shown;
  for (const char byte : text) shown += stream.push({&byte, 1});
  EXPECT_EQ(shown, text);
}

TEST(Utf8Stream, ReplacesWhatCanNeverBeValid) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xFF"
                        "b\xE2\x82"
                        "c"),
            "a\uFFFDb\uFFFDc");
  EXPECT_EQ(stream.push("\xF0\x9F"), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.finish(), "") << "nothing is held any more";
}

TEST(Utf8Stream, OutputIsAlwaysValid) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Utf8Stream stream;
    std::string shown;
    for (int piece = 0; piece < 4; ++piece) {
      std::string bytes;
      for (int i = 0; i < 5; ++i) bytes += static_cast<char>(random() % 4 == 0 ? 0x80 + random() % 64 : random() % 256);
      shown += stream.push(bytes);
    }
    shown += stream.finish();
    EXPECT_EQ(first_utf8_error(shown), std::nullopt);
  }
}

TEST(WithoutControls, LeavesTextAndShowsWhatCouldDriveATerminal) {
  EXPECT_EQ(without_controls("a\tb\n\xC2\xA0\xE2\x82\xAC"), "a\tb\n\xC2\xA0\xE2\x82\xAC");
  EXPECT_EQ(without_controls("\x1b[2J\r\x7f"), "\\x1b[2J\\x0d\\x7f");
  EXPECT_EQ(without_controls(std::string("\0x", 2)), "\\x00x");
  EXPECT_EQ(without_controls("\xC2\x9B"
                             "31m"),
            "\\x9b31m")
      << "the 8-bit form of ESC [";
}

}  // namespace
}  // namespace baleen::data
