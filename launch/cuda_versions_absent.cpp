#include "launch/cuda_versions.h"

namespace baleen::launch {

std::vector<LibraryVersion> cuda_versions() {
  return {};
}

}  // namespace baleen::launch
