// baleen schema [SECTION] [--markdown]

#include <fmt/core.h>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "trainer/config.h"

namespace baleen::apps {

int schema_main(int argc, char** argv) {
  std::string what;
  bool markdown = false;
  Arguments arguments(argv[0], "Shows the keys of a configuration with their defaults.");
  arguments.optional("SECTION", what, "One section, or one section.key; without it, all")
      .flag("--markdown", markdown, "All sections as docs/config.md");
  if (!arguments.parse(argc, argv)) return 0;

  const trainer::Config defaults;
  const core::SectionTables& schema = trainer::config_schema();
  fmt::print("{}", markdown ? core::describe_markdown(schema, &defaults) : core::describe(schema, &defaults, what));
  return 0;
}

}  // namespace baleen::apps
