// failing_rank FOLDER RANK|every [cpu|cuda [ZERO_STAGE]]: under mpirun with 2 or 4 ranks, a tiny run of which RANK
// fails in step 3. Ends as a verb does.

#include <cstdlib>
#include <string>

#include "apps/rank_verb.h"
#include "apps/run_verb.h"
#include "core/log.h"
#include "launch/process.h"
#include "tests/trainer/failing_communicator.h"
#include "tests/trainer/tiny_run.h"

namespace {

int train(const std::filesystem::path& folder, int failing, const std::string& device, int zero_stage) {
  baleen::launch::Process process({device, 1});
  baleen::core::set_log_rank(process.rank());
  if (process.rank() == 0) (void)baleen::tests::tiny_config(folder, "fp32");  // writes its dataset
  process.world().barrier();
  baleen::trainer::Config config = baleen::tests::tiny_config(folder, "fp32");
  config.parallelism.zero_stage = zero_stage;
  baleen::tests::RunOptions options{.run_dir = folder / "run"};
  options.device = process.device();
  options.communicators = baleen::tests::failing_in_step_3(failing, process.device());
  baleen::tests::run_rank(config, process.world(), options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string rank = argv[2], device = argc > 3 ? argv[3] : "cpu";
  const int failing = rank == "every" ? baleen::tests::kEveryRank : std::atoi(rank.c_str());
  const int zero_stage = argc > 4 ? std::atoi(argv[4]) : 0;
  const auto verb = [&] { return train(argv[1], failing, device, zero_stage); };
  return baleen::apps::end_ranks(baleen::apps::run_verb([&] { return baleen::apps::rank_verb(verb); }));
}
