#pragma once
// Runs `baleen data` as people do.

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/data/fixture.h"
#include "tests/support/program.h"

namespace baleen::data {

using tests::Outcome;

/// `before` is shell that runs first, in the same process.
inline Outcome run_data(const std::vector<std::string>& words, const std::string& before = ":") {
  std::string command = before + "; exec $baleen data";
  for (const std::string& word : words) command += " '" + word + "'";
  return tests::run(command);
}

/// One short message on stderr that says all of `parts`, nothing on stdout, and the exit code.
inline void expect_refused(const Outcome& outcome, core::ExitCode code, std::initializer_list<std::string> parts) {
  EXPECT_EQ(outcome.code, static_cast<int>(code)) << outcome.err;
  for (const std::string& part : parts) {
    EXPECT_NE(outcome.err.find(part), std::string::npos) << "expected: " << part << "\nfound: " << outcome.err;
  }
  EXPECT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 3) << outcome.err;
  for (const std::string trace : {"terminate", "what()", "HDF5-DIAG", "#000", "infinite loop", "internal error"}) {
    EXPECT_EQ(outcome.err.find(trace), std::string::npos) << outcome.err;
  }
}

}  // namespace baleen::data
