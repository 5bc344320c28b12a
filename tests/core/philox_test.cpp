// The generator against the known answers of its authors (Random123, kat_vectors, philox4x32-10).

#include "core/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <utility>

namespace baleen::core {
namespace {

struct KnownAnswer {
  RandomStream stream;
  std::uint64_t block;
  std::uint32_t words[4];
};

// Counter words 0, 1 are the block and 2, 3 the stream; key words 0, 1 are the key.
constexpr KnownAnswer kKnownAnswers[] = {
    {{0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{~0ull, ~0ull}, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x299f31d0a4093822, 0x0370734413198a2e}, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

TEST(Philox, GivesTheKnownAnswers) {
  for (const KnownAnswer& known : kKnownAnswers) {
    const Philox4 words = philox(known.stream, known.block);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(words.word[i], known.words[i]) << i;
  }
}

TEST(Philox, ElementsAreTheWordsOfTheirBlocks) {
  const RandomStream stream{3, 5};
  for (std::uint64_t i = 0; i < 40; ++i) EXPECT_EQ(random_u32(stream, i), philox(stream, i / 4).word[i % 4]);
}

TEST(Philox, UniformsFillTheUnitIntervalWithoutItsEnd) {
  const RandomStream stream = random_stream(1, RandomPurpose::dropout, 0, "layer.0");
  constexpr int kCount = 100000;
  double sum = 0;
  for (int i = 0; i < kCount; ++i) {
    const float u = random_uniform(stream, static_cast<std::uint64_t>(i));
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    sum += u;
  }
  EXPECT_NEAR(sum / kCount, 0.5, 5 / std::sqrt(12.0 * kCount));
}

TEST(RandomStream, DependsOnEverythingThatNamesIt) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> streams;
  int made = 0;
  for (const std::uint64_t seed : {0, 1, 2})
    for (const RandomPurpose purpose : {RandomPurpose::initialization, RandomPurpose::dropout, RandomPurpose::shuffle})
      for (const std::uint64_t step : {0, 1, 1000})
        for (const char* name : {"", "a", "b", "ab"}) {
          const RandomStream stream = random_stream(seed, purpose, step, name);
          streams.insert({stream.key, stream.stream});
          ++made;
        }
  EXPECT_EQ(streams.size(), static_cast<std::size_t>(made));
}

}  // namespace
}  // namespace baleen::core
