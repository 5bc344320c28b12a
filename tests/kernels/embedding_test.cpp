#include "kernels/embedding.h"

#include <limits>

#include "core/error.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Embedding, TakesRowsByToken) {
  const at::Tensor table = random_tensor({11, 7}), tokens = random_integers(20, 0, 11);
  const at::Tensor out = embedding(tokens, table, 0);
  for (std::int64_t t = 0; t < 20; ++t) EXPECT_TRUE(out[t].equal(table[tokens[t].item<std::int64_t>()]));
}

TEST(Embedding, PartsOfAShardedTableAddUpToTheWhole) {
  const at::Tensor table = random_tensor({11, 7}), tokens = random_integers(20, 0, 11);
  const at::Tensor low = embedding(tokens, table.narrow(0, 0, 4), 0),
                   high = embedding(tokens, table.narrow(0, 4, 7), 4);
  EXPECT_TRUE((low + high).equal(embedding(tokens, table, 0)));
  EXPECT_EQ(largest(low.mul(high)), 0);  // each row is held once
}

TEST(Embedding, GradientSumsRowsByToken) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor dy = random_tensor({40, 5}, type), tokens = random_integers(40, 0, 9);
    const at::ScalarType out_type = type == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor expected = at::empty({9, 5}, at::kDouble).zero_();
    for (std::int64_t t = 0; t < 40; ++t) expected[tokens[t].item<std::int64_t>()].add_(dy[t].to(at::kDouble));
    const at::Tensor out = at::empty({9, 5}, out_type).fill_(kNaN);
    embedding_backward(in_strided_rows(dy), tokens, out, 0, 0);
    expect_close(out, expected, out_type == at::kDouble ? 1e-15 : 1e-6);
    embedding_backward(dy, tokens, out, 0, 1);
    expect_close(out, expected * 2, out_type == at::kDouble ? 1e-15 : 1e-6);
  }
}

TEST(Embedding, GradientOfAPartIsThePartOfTheGradient) {
  const at::Tensor dy = random_tensor({40, 5}), tokens = random_integers(40, 0, 9);
  const at::Tensor whole = at::empty({9, 5}, at::kDouble), part = at::empty({4, 5}, at::kDouble);
  embedding_backward(dy, tokens, whole, 0, 0);
  embedding_backward(dy, tokens, part, 3, 0);
  EXPECT_TRUE(part.equal(whole.narrow(0, 3, 4)));
}

TEST(Embedding, NoTokensGiveAZeroGradient) {
  const at::Tensor out = at::empty({3, 5}, at::kDouble).fill_(kNaN);
  embedding_backward(random_tensor({0, 5}), random_integers(0, 0, 3), out, 0, 0);
  EXPECT_EQ(largest(out), 0);
}

TEST(Embedding, RefusesAGradientOfAnUnrelatedType) {
  EXPECT_THROW(embedding_backward(random_tensor({2, 5}), random_integers(2, 0, 3), at::empty({3, 5}, at::kHalf), 0, 0),
               core::Error);
}

}  // namespace
}  // namespace baleen::kernels::testing
