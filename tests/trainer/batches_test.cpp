#include "trainer/batches.h"

#include <gmock/gmock.h>

namespace baleen::tests {
namespace {

using testing::ElementsAre;

/// Two sequences of 3 and 4 tokens, 5 targets.
data::GlobalBatchPart part() {
  data::MicroBatch batch;
  batch.tokens = {5, 6, 7, 8, 9, 10, 11};
  batch.targets = {6, 7, -100, 9, 10, 11, -100};
  batch.positions = {0, 1, 2, 0, 1, 2, 3};
  batch.sequence_starts = {0, 3, 7};
  batch.first_global_token = 14;
  return {3, {batch}, 0};
}

std::vector<std::int64_t> numbers(const at::Tensor& tensor) {
  const auto* data = tensor.const_data_ptr<std::int64_t>();
  return {data, data + tensor.numel()};
}

models::Batch with_multiple(std::int64_t multiple) {
  trainer::BatchContext context;
  context.token_multiple = multiple;
  return trainer::to_batches(part(), context).front();
}

TEST(Batches, AreWhatWasLoadedWhereTheirTokensAreAMultiple) {
  for (const std::int64_t multiple : {1, 7}) {
    const models::Batch batch = with_multiple(multiple);
    EXPECT_THAT(numbers(batch.tokens), ElementsAre(5, 6, 7, 8, 9, 10, 11));
    EXPECT_THAT(batch.bounds.query_starts, ElementsAre(0, 3, 7));
    EXPECT_EQ(batch.first_global_token, 14);
    EXPECT_EQ(batch.step, 3);
  }
}

TEST(Batches, AreFilledUpWithASequenceOfIgnoredTokens) {
  const models::Batch batch = with_multiple(4);
  EXPECT_THAT(numbers(batch.tokens), ElementsAre(5, 6, 7, 8, 9, 10, 11, testing::_));
  EXPECT_THAT(numbers(batch.targets), ElementsAre(6, 7, -100, 9, 10, 11, -100, models::kIgnoreIndex));
  EXPECT_THAT(numbers(batch.positions), ElementsAre(0, 1, 2, 0, 1, 2, 3, 0));
  EXPECT_THAT(batch.bounds.key_starts, ElementsAre(0, 3, 7, 8));
  const models::Batch longer = with_multiple(10);
  EXPECT_THAT(numbers(longer.positions), ElementsAre(0, 1, 2, 0, 1, 2, 3, 0, 1, 2));
  EXPECT_THAT(longer.bounds.query_starts, ElementsAre(0, 3, 7, 10));
  EXPECT_EQ(trainer::count_targets(part()), 5);
}

}  // namespace
}  // namespace baleen::tests
