#pragma once
// The program with tensors, which lies beside this one.

#include <filesystem>

namespace baleen::apps {

/// FOLDER/baleen-compute, FOLDER being that of the running program. It may not exist.
std::filesystem::path compute_program();

}  // namespace baleen::apps
