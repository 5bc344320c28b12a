// baleen train CONFIG [section.key=VALUE ...] [--resume[=STEP]] [--run-dir DIR]

#include <charconv>
#include <exception>
#include <vector>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "core/error.h"
#include "core/log.h"
#include "parallel/agreement.h"
#include "trainer/run.h"
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
      .rest("OVERRIDES", command.overrides, "section.key=VALUE, as in the file")
      .flag_or_option("--resume", kNewest, resume,
                      "Go on from the newest checkpoint, or from the start where there is none; =STEP: from that one")
      .option("--run-dir", command.run_dir, "Folder of the run; run.dir/run.name where not given");
  if (!arguments.parse(argc, argv)) return false;
  command.request.resume = !resume.empty();
  for (const std::string& word : command.overrides)
    if (resume == kNewest && word.find_first_not_of("0123456789") == std::string::npos)
      throw core::Error(core::ExitCode::usage, "the step of --resume stands behind an equals sign",
                        "say --resume=" + word + " for that step, or --resume alone for the newest checkpoint");
  if (command.request.resume && resume != kNewest) command.request.resume_step = step_number(resume);
  return true;
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
    request.run_dir = command.run_dir.empty() ? request.config.run_dir() : std::filesystem::path(command.run_dir);
    facts = trainer::request_facts(request);
  });
  parallel::require_in_common(world, facts);
  const trainer::LaunchConfig& launch = request.config.launch;
  parallel::succeed_together(world, [&] {
    process.take_device({launch.device, static_cast<int>(launch.threads_per_rank)});
  });
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
  return static_cast<int>(trainer::run_training(command.request, process));
}

}  // namespace baleen::apps
