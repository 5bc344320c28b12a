// baleen version

#include "core/version.h"

#include <fmt/core.h>

#include "apps/arguments.h"
#include "apps/verbs.h"

namespace baleen::apps {

int version_main(int argc, char** argv) {
  Arguments arguments(argv[0], "Shows Baleen's version. `baleen doctor` shows those of what it runs on.");
  if (!arguments.parse(argc, argv)) return 0;
  fmt::print("baleen {} ({}, {}, CUDA {})\n", core::version(), core::build_type(), core::compiler(),
             core::built_with_cuda() ? "on" : "off");
  return 0;
}

}  // namespace baleen::apps
