// baleen doctor

#include <fmt/core.h>

#include "apps/arguments.h"
#include "apps/machine.h"
#include "apps/verbs.h"
#include "core/error.h"
#include "core/version.h"

namespace baleen::apps {
namespace {

const char* mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine:
      return "ok";
    case Verdict::note:
      return "note";
    case Verdict::missing:
      return "MISSING";
  }
  return "";
}

}  // namespace

int doctor_main(int argc, char** argv) {
  Arguments arguments(argv[0], "Looks at this machine: what Baleen finds, what is missing and what brings it.");
  if (!arguments.parse(argc, argv)) return 0;

  fmt::print("baleen {} ({}, CUDA {})\n", core::version(), core::build_type(), core::built_with_cuda() ? "on" : "off");
  bool complete = true;
  for (const Finding& finding : examine_machine()) {
    fmt::print("{:<8}{:<12}{}\n", mark(finding.verdict), finding.subject, finding.text);
    if (!finding.advice.empty()) fmt::print("{:<20}-> {}\n", "", finding.advice);
    complete = complete && finding.verdict != Verdict::missing;
  }
  if (complete) return 0;
  fmt::print("Something is missing; what brings it stands behind the arrows.\n");
  return static_cast<int>(core::ExitCode::environment);
}

}  // namespace baleen::apps
