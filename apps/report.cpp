// baleen report RUN

#include "report/report.h"

#include <fmt/core.h>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "core/log.h"

namespace baleen::apps {

int report_main(int argc, char** argv) {
  std::string run;
  Arguments arguments(argv[0], "Writes RUN/report.html: curves, samples and settings of a run on one page.");
  arguments.positional("RUN", run, "Folder of the run; it may still be going on");
  if (!arguments.parse(argc, argv)) return 0;

  const report::Report report = report::write_report(run);
  for (const std::string& note : report.notes) core::log_warning(note);
  fmt::print("{}\n", report.path.string());
  return 0;
}

}  // namespace baleen::apps
