// baleen: the program that people call. It links neither LibTorch nor MPI nor CUDA, so that it starts at once and runs
// on any login node; verbs that need them are executed by baleen-compute, which lies beside it.

#include "apps/dispatch.h"
#include "apps/verbs.h"

int main(int argc, char** argv) {
  using namespace baleen::apps;
  static constexpr Verb kVerbs[] = {
      {"train", compute_exec_main, "Train a model: baleen train run.toml, under mpirun for several ranks"},
      {"generate", compute_exec_main, "Continue a text with the model of a run"},
      {"bench", compute_exec_main, "Time training steps or single kernels, beside what the device can do"},
      {"check", check_main, "Tell everything that is wrong with a configuration; start nothing"},
      {"plan", plan_main, "Tell memory, traffic and speed of a run on GPUs, and the best layouts; start nothing"},
      {"schema", schema_main, "Show the sections and keys of a configuration"},
      {"data", data_main, "Make datasets from text, look into them"},
      {"ckpt", checkpoint_main, "List the checkpoints of a run, verify every byte of one"},
      {"report", report_main, "Write the curves of a run to one HTML page"},
      {"doctor", doctor_main, "Look at this machine: what is there, what is missing"},
      {"version", version_main, "Show versions"},
  };
  return dispatch(kVerbs, argc, argv);
}
