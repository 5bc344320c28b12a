// failing_rank FOLDER RANK: under mpirun with 4 ranks, a tiny run of which RANK fails in step 3. Ends as a verb does.

#include <cstdlib>

#include "apps/rank_verb.h"
#include "apps/run_verb.h"
#include "core/log.h"
#include "launch/process.h"
#include "tests/trainer/failing_communicator.h"
#include "tests/trainer/tiny_run.h"

namespace {

int train(const std::filesystem::path& folder, int failing) {
  baleen::launch::Process process({"cpu", 1});
  baleen::core::set_log_rank(process.rank());
  if (process.rank() == 0) (void)baleen::tests::tiny_config(folder, "fp32");  // writes its dataset
  process.world().barrier();
  baleen::tests::RunOptions options{.run_dir = folder / "run"};
  options.communicators = baleen::tests::failing_in_step_3(failing);
  baleen::tests::run_rank(baleen::tests::tiny_config(folder, "fp32"), process.world(), options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto verb = [&] { return train(argv[1], std::atoi(argv[2])); };
  return baleen::apps::end_ranks(baleen::apps::run_verb([&] { return baleen::apps::rank_verb(verb); }));
}
