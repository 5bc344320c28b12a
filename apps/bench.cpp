// baleen bench train CONFIG [section.key=VALUE ...] [--steps N] [--warm-up N]
// baleen bench kernels [NAME] [--shape 1b] [--type bf16] [--device auto|cpu|cuda]

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "apps/arguments.h"
#include "apps/dispatch.h"
#include "apps/verbs.h"
#include "bench/kernels_bench.h"
#include "bench/train_bench.h"
#include "core/error.h"
#include "core/log.h"
#include "launch/load.h"
#include "parallel/agreement.h"

namespace baleen::apps {
namespace {

/// And, beside the times that follow, whether other programs take part of the machine.
void print_command(int argc, char** argv, const launch::Process& process) {
  constexpr double kRest = 0.25;  // of one core: no machine is without any load
  fmt::print("`{}`\n\n", fmt::join(argv, argv + argc, " "));
  const launch::Load load = launch::machine_load(process);
  if (load.average + std::min(load.threads, load.cores) > load.cores + kRest)
    fmt::print("This machine is busy: {}. Times may be longer and vary.\n\n", load.str());
}

int train(int argc, char** argv) {
  std::string path;
  std::vector<std::string> overrides;
  bench::TrainBenchOptions options;
  Arguments arguments(argv[0],
                      "Times the training steps of a configuration; saves nothing. One process a "
                      "GPU or CPU rank: mpirun -n 8 baleen bench train run.toml");
  arguments.positional("CONFIG", path, "TOML file, as for `baleen train`")
      .overrides(overrides)
      .option("--steps", options.steps, "Steps that count")
      .option("--warm-up", options.warm_up, "Steps before them");
  if (!arguments.parse(argc, argv)) return 0;
  if (options.steps < 1 || options.warm_up < 1)
    throw core::Error(core::ExitCode::usage, "--steps and --warm-up want at least 1");
  overrides.insert(overrides.end(), {"data.validation=\"\"", "training.validate_every=0"});
  launch::Process process;
  core::set_log_rank(process.rank());
  parallel::succeed_together(process.world(), [&] {
    options.config = trainer::load_checked_config(path, overrides, process.size());
    const trainer::LaunchConfig& launch = options.config.launch;
    process.take_device({launch.device, static_cast<int>(launch.threads_per_rank)});
  });
  if (process.rank() == 0) print_command(argc, argv, process);
  bench::bench_train(options, process);
  return 0;
}

int kernels(int argc, char** argv) {
  bench::KernelsBenchOptions options;
  std::string device = "auto", type;
  Arguments arguments(argv[0], "Times every op at the shapes of a model, beside what this device can do");
  arguments.optional("NAME", options.name, "Only ops with this in their name")
      .option("--shape", options.shape, "demo, 160m, 1b or 8b")
      .option("--type", type, "fp32, bf16 or fp16; bf16 on a GPU and fp32 on a CPU where not given")
      .option("--device", device, "auto, cpu or cuda");
  if (!arguments.parse(argc, argv)) return 0;
  launch::Process process({device, 0});
  options.device = process.device();
  if (type.empty()) type = options.device.is_cuda() ? "bf16" : "fp32";
  const std::optional<core::DType> parsed = core::dtype_from_name(type);
  const bool known = parsed == core::DType::f32 || parsed == core::DType::bf16 || parsed == core::DType::f16;
  if (!known) throw core::Error(core::ExitCode::usage, "--type " + type + " is not known", "say fp32, bf16 or fp16");
  options.type = *parsed;
  print_command(argc, argv, process);
  bench::bench_kernels(options);
  return 0;
}

}  // namespace

int bench_main(int argc, char** argv) {
  static constexpr Verb kVerbs[] = {
      {"train", train, "Time training steps, print Markdown: train CONFIG [section.key=VALUE ...] [--steps N]"},
      {"kernels", kernels, "Time single ops, print Markdown: kernels [NAME] [--shape 1b] [--type bf16]"},
  };
  return dispatch_below(kVerbs, argc, argv);
}

}  // namespace baleen::apps
