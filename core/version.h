#pragma once
// Baleen's own version.

#include <string>

namespace baleen::core {

/// "0.1.0"
const char* version();
/// "Release", "Debug"; with ", address sanitizer" and the like.
const char* build_type();
/// "GNU 12.2.0"
const char* compiler();
/// The running program's, other for every other build: see LoadedObject::build.
std::string build_id();
/// Built for NVIDIA GPUs.
bool built_with_cuda();

}  // namespace baleen::core
