#include "data/loader.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include "data/prefetch.h"
#include "data/token_dataset.h"
#include "tests/data/fixture.h"

namespace baleen::data {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

class Loader : public testing::Test {
 protected:
  Loader() { write_dataset(folder_ / "text.h5", numbered_documents(60, 20)); }

  SourceOptions options() const {
    SourceOptions result;
    result.dataset = (folder_ / "text.h5").string();
    result.vocab_size = 257;
    result.sequence_length = 16;
    result.global_batch_size = 8;
    result.micro_batch_size = 2;
    result.seed = 3;
    return result;
  }

  tests::TemporaryFolder folder_;
};

struct Flat {
  std::vector<std::int64_t> tokens, targets, positions;
  bool operator==(const Flat&) const = default;
};

/// Steps [from, to) of the whole global batch, put together from what `degree` ranks get.
Flat global_batches(SourceOptions options, int degree, std::int64_t micro_batch_size, std::int64_t from,
                    std::int64_t to) {
  Flat flat;
  options.data_degree = degree;
  options.micro_batch_size = micro_batch_size;
  std::vector<std::unique_ptr<BatchSource>> ranks;
  for (options.data_rank = 0; options.data_rank < degree; ++options.data_rank) {
    ranks.push_back(make_training_source(options));
  }
  for (std::int64_t step = from; step < to; ++step) {
    std::int64_t next_token = 0;
    for (const auto& rank : ranks) {
      const GlobalBatchPart part = rank->next(step);
      EXPECT_EQ(part.step, step);
      for (const MicroBatch& batch : part.micro_batches) {
        EXPECT_EQ(batch.first_global_token, next_token);
        EXPECT_EQ(batch.tokens.size(), static_cast<std::size_t>(micro_batch_size * options.sequence_length));
        EXPECT_EQ(batch.sequence_starts.front(), 0);
        EXPECT_EQ(batch.sequence_starts.back(), static_cast<std::int32_t>(batch.tokens.size()));
        next_token += static_cast<std::int64_t>(batch.tokens.size());
        flat.tokens.insert(flat.tokens.end(), batch.tokens.begin(), batch.tokens.end());
        flat.targets.insert(flat.targets.end(), batch.targets.begin(), batch.targets.end());
        flat.positions.insert(flat.positions.end(), batch.positions.begin(), batch.positions.end());
      }
    }
  }
  return flat;
}

TEST_F(Loader, TheGlobalBatchDoesNotDependOnTheLayout) {
  for (const Packing packing : {Packing::stream, Packing::documents}) {
    SourceOptions with = options();
    with.packing = packing;
    const Flat reference = global_batches(with, 1, 8, 0, 15);
    for (const auto& [degree, micro] : {std::tuple{1, 1}, {1, 2}, {2, 1}, {2, 4}, {4, 1}, {4, 2}, {8, 1}}) {
      EXPECT_EQ(global_batches(with, degree, micro, 0, 15), reference) << degree << " ranks, micro-batch " << micro;
    }
  }
  SourceOptions random = options();
  random.dataset = "random";
  EXPECT_EQ(global_batches(random, 4, 2, 0, 15), global_batches(random, 1, 8, 0, 15));
}

TEST_F(Loader, ResumesAtAnyStep) {
  const auto uninterrupted = make_training_source(options());
  for (std::int64_t step = 0; step < 20; ++step) {
    const GlobalBatchPart expected = uninterrupted->next(step);
    for (const int prefetch : {0, 3}) {
      SourceOptions with = options();
      with.prefetch = prefetch;
      const GlobalBatchPart resumed = make_training_source(with)->next(step);
      ASSERT_EQ(resumed.micro_batches.size(), 4u);
      for (std::size_t m = 0; m < 4; ++m) {
        EXPECT_EQ(resumed.micro_batches[m].tokens, expected.micro_batches[m].tokens);
        EXPECT_EQ(resumed.micro_batches[m].targets, expected.micro_batches[m].targets);
      }
    }
  }
}

TEST_F(Loader, AnEpochReadsEveryWindowOnce) {
  const TokenDataset dataset = TokenDataset::open(folder_ / "text.h5");
  SourceOptions with = options();
  with.global_batch_size = with.micro_batch_size = 1;
  const auto source = make_training_source(with);
  const std::int64_t windows = (dataset.info().tokens - 1) / 16;
  std::vector<std::vector<std::int64_t>> seen, expected;
  for (std::int64_t i = 0; i < windows; ++i) {
    seen.push_back(source->next(i).micro_batches[0].tokens);
    dataset.read(i * 16, std::span(expected.emplace_back(16)));
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(expected));
}

TEST_F(Loader, StreamPackingMakesOneSequenceOfAWindow) {
  const MicroBatch batch = make_training_source(options())->next(0).micro_batches[0];
  EXPECT_THAT(batch.sequence_starts, ElementsAre(0, 16, 32));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(batch.positions[i], i % 16);
  for (int i = 0; i < 15; ++i) EXPECT_EQ(batch.targets[i], batch.tokens[i + 1]);
  EXPECT_THAT(batch.targets, Each(testing::Ge(0)));
}

// Documents of 3, 4, 8 and 6 tokens with end-of-text; windows of 5: [0, 5), [5, 10), ... and a window that ends on a
// border.
TEST_F(Loader, DocumentPackingCutsAtDocuments) {
  write_dataset(folder_ / "small.h5", {{1, 2}, {3, 4, 5}, {6, 7, 8, 9, 10, 11, 12}, {13, 14, 15, 16, 17}});
  SourceOptions with = options();
  with.dataset = (folder_ / "small.h5").string();
  with.packing = Packing::documents;
  with.sequence_length = 5;
  with.global_batch_size = with.micro_batch_size = 4;
  const MicroBatch batch = make_validation_source(with, 4)->next(0).micro_batches[0];
  constexpr std::int64_t kEnd = 256, kIgnored = kIgnoredTarget;
  EXPECT_THAT(batch.tokens, ElementsAre(1, 2, kEnd, 3, 4, 5, kEnd, 6, 7, 8, 9, 10, 11, 12, kEnd, 13, 14, 15, 16, 17));
  EXPECT_THAT(batch.targets, ElementsAre(2, kEnd, kIgnored, 4, 5, kEnd, kIgnored, 7, 8, 9, 10, 11, 12, kEnd, kIgnored,
                                         14, 15, 16, 17, kEnd));
  EXPECT_THAT(batch.sequence_starts, ElementsAre(0, 3, 5, 7, 10, 15, 20));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 0, 1, 0, 1, 0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4));
}

TEST_F(Loader, ValidationIsFixedAndFilledUp) {
  SourceOptions with = options();
  const auto source = make_validation_source(with, 11);
  EXPECT_EQ(source->steps(), 2);
  std::int64_t valid = 0;
  for (int round = 0; round < 2; ++round) {
    valid = 0;
    for (std::int64_t step = 0; step < 2; ++step) {
      const GlobalBatchPart part = source->next(step);
      EXPECT_EQ(part.micro_batches.size(), 4u);
      for (const MicroBatch& batch : part.micro_batches) {
        for (const std::int64_t target : batch.targets) valid += target != kIgnoredTarget;
      }
    }
    EXPECT_EQ(valid, 11 * 16);
  }
  with.seed = 99;
  EXPECT_EQ(make_validation_source(with, 11)->next(1).micro_batches[0].tokens, source->next(1).micro_batches[0].tokens)
      << "no seed enters";
}

TEST_F(Loader, ValidationTakesAllWindowsOfAShortText) {
  const auto source = make_validation_source(options(), 1'000'000);
  const std::int64_t windows = (read_dataset_info(folder_ / "text.h5").tokens - 1) / 16;
  EXPECT_EQ(source->steps(), (windows + 7) / 8);
}

TEST_F(Loader, RandomTokensFillTheVocabulary) {
  SourceOptions with = options();
  with.dataset = "random";
  with.vocab_size = 10;
  with.global_batch_size = 64;
  const auto source = make_training_source(with);
  std::vector<int> count(10, 0);
  for (std::int64_t step = 0; step < 10; ++step) {
    for (const MicroBatch& batch : source->next(step).micro_batches) {
      for (const std::int64_t token : batch.tokens) ++count.at(static_cast<std::size_t>(token));
    }
  }
  EXPECT_THAT(count, Each(testing::AllOf(testing::Gt(850), testing::Lt(1200))));
  EXPECT_NE(make_training_source(with)->next(0).micro_batches[0].tokens,
            make_validation_source(with, 8)->next(0).micro_batches[0].tokens);
}

TEST_F(Loader, RefusesWhatCannotBeTrainedOn) {
  const auto message = [&](auto change) {
    SourceOptions with = options();
    change(with);
    const auto error = error_of([&] { make_training_source(with); });
    EXPECT_TRUE(error && error->code() == core::ExitCode::usage && !error->next_action().empty());
    return error ? std::string(error->what()) : "";
  };
  EXPECT_THAT(message([](auto& with) { with.vocab_size = 256; }), HasSubstr("has a vocabulary of 257"));
  EXPECT_THAT(message([](auto& with) { with.sequence_length = 100'000; }), HasSubstr("one sequence takes 100001"));
  EXPECT_THAT(message([](auto& with) { with.data_degree = 3; }), HasSubstr("is not a multiple of 3 data ranks"));
  EXPECT_THAT(message([](auto& with) { with.dataset = "/nowhere.h5"; }), HasSubstr("there is no dataset /nowhere.h5"));
}

TEST_F(Loader, RefusesADatasetWithAFlippedLetter) {
  const std::filesystem::path file = folder_ / "text.h5";
  const std::vector<std::int64_t> first = make_training_source(options())->next(0).micro_batches[0].tokens;
  std::u16string pattern(first.begin(), first.begin() + 8);
  std::string content = read_file(file);
  const std::size_t at = content.find(std::string(reinterpret_cast<const char*>(pattern.data()), 2 * pattern.size()));
  ASSERT_NE(at, std::string::npos);
  content[at] = static_cast<char>(content[at] ^ 1);
  write_file(file, content);
  for (const bool training : {true, false}) {
    const auto error =
        error_of([&] { (void)(training ? make_training_source(options()) : make_validation_source(options(), 8)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), core::ExitCode::usage);
    EXPECT_THAT(error->what(), HasSubstr("text.h5 is damaged: block 0 of 1 \"tokens\" has digest "));
  }
}

GlobalBatchPart numbered(std::int64_t step) {
  GlobalBatchPart part;
  part.step = step;
  return part;
}

TEST(Prefetch, JumpsAnywhereAndWraps) {
  PrefetchSource source(numbered, 5, 3);
  for (const std::int64_t step : {0, 1, 2, 3, 4, 0, 1, 4, 0, 3, 3, 2}) EXPECT_EQ(source.next(step).step, step);
  EXPECT_TRUE(error_of([&] { source.next(5); }));
  EXPECT_TRUE(error_of([&] { source.next(-1); }));
}

TEST(Prefetch, NeverMakesMoreThanItHolds) {
  std::atomic<std::int64_t> made = 0;
  PrefetchSource source([&](std::int64_t step) { return ++made, numbered(step); }, 0, 2);
  source.next(0);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(made, 3) << "one taken, two waiting";
}

TEST(Prefetch, ErrorsReachTheConsumerAtTheirStep) {
  std::atomic<bool> broken = true;
  PrefetchSource source(
      [&](std::int64_t step) {
        if (step == 3 && broken) throw core::Error(core::ExitCode::storage, "the disk is gone");
        return numbered(step);
      },
      0, 4);
  for (std::int64_t step = 0; step < 3; ++step) EXPECT_EQ(source.next(step).step, step);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto error = error_of([&] { source.next(3); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), core::ExitCode::storage);
  }
  broken = false;
  EXPECT_EQ(source.next(3).step, 3);
  EXPECT_EQ(source.next(4).step, 4);
}

TEST(Prefetch, MeasuresTheWait) {
  PrefetchSource source(
      [](std::int64_t step) {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        return numbered(step);
      },
      0, 1);
  EXPECT_GE(source.next(0).wait_seconds, 0.025);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(source.next(1).wait_seconds, 0.025) << "made ahead";
}

TEST(Prefetch, EndsWhileWorking) {
  for (int i = 0; i < 100; ++i) {
    PrefetchSource source(numbered, 0, 2);
    if (i % 2 == 0) source.next(i);
  }
}

}  // namespace
}  // namespace baleen::data
