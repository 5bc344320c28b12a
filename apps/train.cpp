// baleen train CONFIG [section.key=VALUE ...] [--resume[=STEP]] [--run-dir DIR]

#include <fmt/format.h>

#include <charconv>
#include <exception>
#include <vector>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "checkpoint/manifest.h"
#include "core/error.h"
#include "core/log.h"
#include "launch/signals.h"
#include "parallel/agreement.h"
#include "planner/communicators.h"
#include "report/report.h"
#include "trainer/device_info.h"
#include "trainer/run.h"
#include "trainer/run_directory.h"
#include "trainer/start_facts.h"

namespace baleen::apps {
namespace {

constexpr const char* kNewest = "newest";

std::int64_t step_number(const std::string& text) {
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (error != std::errc() || end != text.data() + text.size() || step < 0)
    throw core::Error(core::ExitCode::usage, "--resume=" + text + " is not the number of a step",
                      "say --resume for the newest checkpoint; `baleen ckpt ls RUN` lists the steps");
  return step;
}

struct Command {
  std::string path, run_dir;
  std::vector<std::string> overrides;
  trainer::RunRequest request;  // less the configuration and its folder
};

/// False: --help was asked for. Throws Error(usage).
bool read_command(int argc, char** argv, Command& command) {
  std::string resume;
  Arguments arguments(argv[0], "Trains a model. One process a GPU or CPU rank: mpirun -n 8 baleen train run.toml");
  arguments.positional("CONFIG", command.path, "TOML file; `baleen schema` lists the keys")
      .overrides(command.overrides)
      .flag_or_option("--resume", kNewest, resume,
                      "Go on from the newest checkpoint, or from the start where there is none; =STEP: from that one")
      .option("--run-dir", command.run_dir,
              "Folder of the run; where not given run.dir/run.name, with --resume RUN where CONFIG is RUN/config.toml");
  if (!arguments.parse(argc, argv)) return false;
  command.request.resume = !resume.empty();
  for (const std::string& word : command.overrides)
    if (resume == kNewest && !word.empty() && word.find_first_not_of("0123456789") == std::string::npos)
      throw core::Error(core::ExitCode::usage, "the step of --resume stands behind an equals sign",
                        "say --resume=" + word + " for that step, or --resume alone for the newest checkpoint");
  if (command.request.resume && resume != kNewest) command.request.resume_step = step_number(resume);
  return true;
}

/// A run's own config.toml says with --resume which run is meant, whatever the run's name is.
std::filesystem::path run_dir_of(const Command& command) {
  if (!command.run_dir.empty()) return command.run_dir;
  const trainer::RunRequest& request = command.request;
  const std::filesystem::path path = command.path;
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const auto& overridden = request.config.origins.overridden;
  const bool named = overridden.contains("run.dir") || overridden.contains("run.name");
  const bool its_own = request.resume && !named && path.filename() == "config.toml";
  if (its_own && std::filesystem::exists(folder / checkpoint::kManifestName)) {
    const std::filesystem::path run = folder.parent_path().parent_path();
    throw core::Error(
        core::ExitCode::usage, fmt::format("{} is the configuration of one checkpoint", path.string()),
        fmt::format("`baleen ckpt ls {0}` lists the steps; say baleen train {0}/config.toml --resume=STEP",
                    run.empty() ? ".." : run.string()));
  }
  return its_own && trainer::is_run_directory(folder) ? folder : request.config.run_dir();
}

/// Reads the configuration, refuses ranks that were started unlike, and takes the devices. `mistake`: of this rank's
/// command line.
void agree_on_start(Command& command, const std::exception_ptr& mistake, launch::Process& process) {
  parallel::Communicator& world = process.world();
  trainer::RunRequest& request = command.request;
  // First of all: another build reads another configuration.
  parallel::require_in_common(world, trainer::build_facts());
  std::vector<parallel::CommonFact> facts;
  parallel::succeed_together(world, [&] {
    if (mistake) std::rethrow_exception(mistake);
    request.config = trainer::load_checked_config(command.path, command.overrides, process.size());
    request.run_dir = run_dir_of(command);
    facts = trainer::request_facts(request);
  });
  parallel::require_in_common(world, facts);
  const trainer::LaunchConfig& launch = request.config.launch;
  parallel::succeed_together(world, [&] {
    process.take_device({launch.device, static_cast<int>(launch.threads_per_rank)});
  });
}

/// What `baleen plan` reckons for rank 0, where it has a table of this GPU.
std::optional<double> planned_communicators_gib(const trainer::Config& config, const launch::Process& process) {
  const std::optional<planner::Hardware> hardware = planner::hardware_of(trainer::device_name(process.device()));
  if (!hardware) return std::nullopt;
  const planner::PlannedStep step = planner::plan_units(config, config.dims(process.size()));
  return planner::communicators_gib(step, /*pipeline_rank=*/0, hardware->footprint);
}

}  // namespace

int train_main(int argc, char** argv) {
  Command command;
  std::exception_ptr mistake;
  try {
    if (!read_command(argc, argv, command)) return 0;
  } catch (const core::Error&) {
    mistake = std::current_exception();  // all ranks may have it: one tells it, below
  }
  launch::Process process;
  core::set_log_rank(process.rank());
  agree_on_start(command, mistake, process);
  trainer::RunRequest& request = command.request;
  request.planned_communicators_gib = planned_communicators_gib(request.config, process);
  // Until the report is told, too.
  launch::Signals signals(process.rank() == 0 ? launch::answer_to_stop(request.run_dir) : "");
  const core::ExitCode outcome = trainer::run_training(request, process, signals);
  if (process.rank() == 0)
    core::log_info(fmt::format("report: {}", report::write_report(request.run_dir).path.string()));
  return static_cast<int>(outcome);
}

}  // namespace baleen::apps
