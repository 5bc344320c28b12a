// baleen train CONFIG [section.key=VALUE ...] [--resume[=STEP]] [--run-dir DIR]

#include <charconv>
#include <exception>

#include "apps/arguments.h"
#include "apps/verbs.h"
#include "core/error.h"
#include "core/log.h"
#include "parallel/agreement.h"
#include "trainer/run.h"

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
  trainer::LaunchConfig launch;
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
  if (command.request.resume && resume != kNewest) command.request.resume_step = step_number(resume);
  command.launch = trainer::read_config(command.path, command.overrides).config.launch;
  return true;
}

}  // namespace

int train_main(int argc, char** argv) {
  Command command;
  std::exception_ptr mistake;
  try {
    if (!read_command(argc, argv, command)) return 0;
  } catch (const core::Error&) {
    mistake = std::current_exception();  // all ranks have it: one tells it, below
    command.launch.device = "cpu";
  }
  launch::Process process({command.launch.device, static_cast<int>(command.launch.threads_per_rank)});
  core::set_log_rank(process.rank());
  trainer::RunRequest& request = command.request;
  parallel::succeed_together(process.world(), [&] {
    if (mistake) std::rethrow_exception(mistake);
    request.config = trainer::load_checked_config(command.path, command.overrides, process.size());
    request.run_dir = command.run_dir.empty() ? request.config.run_dir() : std::filesystem::path(command.run_dir);
  });
  return static_cast<int>(trainer::run_training(request, process));
}

}  // namespace baleen::apps
