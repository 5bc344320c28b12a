#include "core/version.h"

#include <cstring>

namespace baleen::core {

const char* version() {
  return BALEEN_VERSION;
}

const char* build_type() {
  return std::strlen(BALEEN_SANITIZER) == 0 ? BALEEN_BUILD_TYPE : BALEEN_BUILD_TYPE ", " BALEEN_SANITIZER " sanitizer";
}

const char* compiler() {
  return BALEEN_COMPILER;
}

bool built_with_cuda() {
  return BALEEN_BUILT_WITH_CUDA;
}

}  // namespace baleen::core
