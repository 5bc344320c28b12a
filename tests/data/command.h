#pragma once
// Runs the program `baleen` as people do.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <vector>

#include "tests/data/fixture.h"

namespace baleen::data {

inline std::string baleen_program() {
  const char* binaries = std::getenv("BALEEN_BINARY_DIR");
  return (std::filesystem::path(binaries != nullptr ? binaries : ".") / "bin" / "baleen").string();
}

inline std::string quoted(const std::string& word) {
  return "'" + word + "'";
}

struct Outcome {
  int code = -1;  // exit status, or 128 + signal
  std::string out, err;
};

/// `before` is shell that runs first, in the same process.
inline Outcome run_data(const std::vector<std::string>& words, const std::string& before = ":") {
  const TemporaryFolder folder;
  std::string command = before + "; exec " + quoted(baleen_program()) + " data";
  for (const std::string& word : words) command += " " + quoted(word);
  command += " >" + quoted((folder / "out").string()) + " 2>" + quoted((folder / "err").string());
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_file(folder / "out");
  outcome.err = read_file(folder / "err");
  return outcome;
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
