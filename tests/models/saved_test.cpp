#include "models/saved.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

TEST(Saved, IsAStack) {
  models::Saved saved;
  saved.push(at::full({2}, 1.0));
  saved.push(at::full({3}, 2.0));
  EXPECT_EQ(saved.bytes(), 5 * static_cast<std::int64_t>(sizeof(float)));
  EXPECT_EQ(saved.pop().size(0), 3);
  EXPECT_EQ(saved.pop().size(0), 2);
  EXPECT_TRUE(saved.empty());
  EXPECT_THROW(saved.pop(), core::Error);
}

TEST(Saved, GivesSlotsThatAreZeroAndApart) {
  models::Saved saved;
  std::vector<at::Tensor> slots;
  for (int i = 0; i < 20; ++i) {
    slots.push_back(saved.abs_max_slot(at::kCPU));
    EXPECT_EQ(slots.back().item<float>(), 0);
    slots.back().fill_(i + 1);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(slots[static_cast<std::size_t>(i)].item<int>(), i + 1);
  EXPECT_TRUE(saved.empty());
}

TEST(WeightGradStore, TouchesNothingBeforeItRuns) {
  const models::Units units =
      models::make_llama_units(tiny_config(), models::whole_model(tiny_config()).units, unit_options(at::kDouble));
  parallel::Unit& norm = *units[units.size() - 2];
  const parallel::FusedParameters weight = norm.fused({"norm.weight"});
  const at::Tensor ones = at::ones({tiny_config().dim}, at::kDouble);
  models::WeightGradStore store;

  store.add_finished(weight, ones);
  EXPECT_FALSE(store.empty());
  EXPECT_EQ(weight.grad().abs().max().item<double>(), 0.0);
  store.run();
  EXPECT_TRUE(store.empty());
  EXPECT_TRUE(at::equal(weight.grad(), ones));

  norm.end_gradient();
  store.add_finished(weight, ones);
  store.run();
  EXPECT_TRUE(at::equal(weight.grad(), 2 * ones));

  norm.zero_gradients();
  norm.begin_gradient();
  store.add_finished(weight, ones);
  store.run();
  EXPECT_TRUE(at::equal(weight.grad(), ones));
}

}  // namespace
}  // namespace baleen::tests
