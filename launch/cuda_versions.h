#pragma once
// The CUDA libraries' part of library_versions(); empty in a build without CUDA.

#include <vector>

#include "launch/library_versions.h"

namespace baleen::launch {

std::vector<LibraryVersion> cuda_versions();

}  // namespace baleen::launch
