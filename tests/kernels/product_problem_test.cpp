#include "kernels/product_problem.h"

#include <gtest/gtest.h>

namespace baleen::kernels::testing {
namespace {

ProductPlan plan() {
  return {{.first_type = 28,
           .second_type = 29,
           .out_type = 0,
           .first_op = 1,
           .first_rows = 2048,
           .first_columns = 8192,
           .first_stride = 2056,
           .second_rows = 2048,
           .second_columns = 16384,
           .second_stride = 2048,
           .addend_stride = 8192,
           .out_stride = 8192,
           .bias = 1,
           .accumulate = 2,
           .first_scale = 5,
           .second_scale = 4,
           .fast = 1,
           .first_alignment = 256,
           .second_alignment = 256,
           .addend_alignment = 16,
           .out_alignment = 16},
          {1, 0xffffffffffffffff, 3, 4, 5, 6, 7, 0x1f}};
}

TEST(ProductPlan, SurvivesAsText) {
  const std::string text = to_text(plan());
  EXPECT_EQ(
      text,
      "28 29 0 1 2048 8192 2056 0 2048 16384 2048 8192 8192 1 2 5 4 1 256 256 16 16 = 1 ffffffffffffffff 3 4 5 6 7 1f");
  const std::optional<ProductPlan> read = read_plan(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->problem, plan().problem);
  EXPECT_EQ(read->algorithm, plan().algorithm);
  EXPECT_EQ(read_problem(to_text(plan().problem)), plan().problem);
}

TEST(ProductPlan, IsNotReadFromOtherText) {
  const std::string text = to_text(plan());
  for (const std::string& line : {std::string(), std::string("# NVIDIA H200"), text + " 1", text + "x", "x" + text,
                                  text.substr(0, text.rfind(' ')), to_text(plan().problem), std::string("1 = 2")})
    EXPECT_FALSE(read_plan(line).has_value()) << line;
  EXPECT_FALSE(read_problem(text).has_value());
  EXPECT_FALSE(read_problem("1 2 3").has_value());
}

TEST(ProductProblem, KnowsTheSizesOfItsResult) {
  ProductProblem problem = plan().problem;
  EXPECT_EQ(problem.out_rows(), 8192);
  EXPECT_EQ(problem.out_columns(), 16384);
  problem.first_op = 0;
  problem.second_op = 1;
  EXPECT_EQ(problem.out_rows(), 2048);
  EXPECT_EQ(problem.out_columns(), 2048);
}

}  // namespace
}  // namespace baleen::kernels::testing
