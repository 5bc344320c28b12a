// baleen train CONFIG [section.key=VALUE ...] [--resume[=STEP]] [--run-dir DIR]

#include <charconv>

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

}  // namespace

int train_main(int argc, char** argv) {
  std::string path, run_dir, resume;
  std::vector<std::string> overrides;
  Arguments arguments(argv[0], "Trains a model. One process a GPU or CPU rank: mpirun -n 8 baleen train run.toml");
  arguments.positional("CONFIG", path, "TOML file; `baleen schema` lists the keys")
      .rest("OVERRIDES", overrides, "section.key=VALUE, as in the file")
      .flag_or_option("--resume", kNewest, resume,
                      "Go on from the newest checkpoint, or from the start where there is none; =STEP: from that one")
      .option("--run-dir", run_dir, "Folder of the run; run.dir/run.name where not given");
  if (!arguments.parse(argc, argv)) return 0;

  trainer::RunRequest request;
  request.resume = !resume.empty();
  if (request.resume && resume != kNewest) request.resume_step = step_number(resume);

  // What is wrong with the configuration is told by one rank, so the process comes first.
  const trainer::LaunchConfig launch_config = trainer::read_config(path, overrides).config.launch;
  launch::Process process({launch_config.device, static_cast<int>(launch_config.threads_per_rank)});
  core::set_log_rank(process.rank());
  parallel::succeed_together(process.world(), [&] {
    request.config = trainer::load_checked_config(path, overrides, process.size());
    request.run_dir = run_dir.empty() ? request.config.run_dir() : std::filesystem::path(run_dir);
  });
  return static_cast<int>(trainer::run_training(request, process));
}

}  // namespace baleen::apps
