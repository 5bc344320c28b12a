#pragma once
// Runs the program `baleen` as people do.

#include <filesystem>
#include <string>

namespace baleen::apps {

struct Outcome {
  int code = -1;  // exit status, or 128 + signal
  std::string out, err;
  double seconds = 0;
};

/// BINARY_DIR/bin
std::filesystem::path program_folder();

/// Runs `command`, shell text in which $baleen is the program, in `folder`.
Outcome run(const std::string& command, const std::filesystem::path& folder = ".");

}  // namespace baleen::apps
