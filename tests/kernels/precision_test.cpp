#include "tests/kernels/precision.h"

#include <gtest/gtest.h>

namespace baleen::kernels::testing {
namespace {

class Precision : public ::testing::TestWithParam<at::ScalarType> {};

TEST_P(Precision, ErrorsAreThoseOfThePlainComputation) {
  for (const OpCase& op_case : all_op_cases()) {
    expect_precise(op_case, GetParam(), op_case.op(inputs_in(op_case, GetParam())));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Precision, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16, at::kHalf),
                         [](const auto& type) { return std::string(c10::toString(type.param)); });

}  // namespace
}  // namespace baleen::kernels::testing
