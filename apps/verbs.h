#pragma once
// One function per verb of the command line. argv[0] is "baleen VERB"; the rest is the verb's own. Returns the exit
// code; throws core::Error, which run_verb() turns into one message.

namespace baleen::apps {

// The light program, `baleen`.
int check_main(int argc, char** argv);
int plan_main(int argc, char** argv);
int schema_main(int argc, char** argv);
int data_main(int argc, char** argv);        // data tokenize | inspect
int checkpoint_main(int argc, char** argv);  // ckpt ls | verify
int report_main(int argc, char** argv);
int doctor_main(int argc, char** argv);
int version_main(int argc, char** argv);
/// Replaces this process by baleen-compute, which has train, generate and bench.
int compute_exec_main(int argc, char** argv);

// The program with tensors, `baleen-compute`.
int train_main(int argc, char** argv);
int generate_main(int argc, char** argv);
int bench_main(int argc, char** argv);  // bench train | kernels

}  // namespace baleen::apps
