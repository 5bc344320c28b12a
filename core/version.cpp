#include "core/version.h"

#include <cstring>

#include "core/loaded_objects.h"

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

std::string build_id() {
  return loaded_objects().front().build;
}

bool built_with_cuda() {
  return BALEEN_BUILT_WITH_CUDA;
}

}  // namespace baleen::core
