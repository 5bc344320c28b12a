#pragma once
// What ran on a GPU, told by class. No LibTorch.

#include <cstdint>
#include <string>
#include <vector>

namespace baleen::bench {

/// One kernel, copy or fill that ran.
struct KernelSpan {
  std::string name;                 // demangled
  std::int64_t begin = 0, end = 0;  // nanoseconds
};

/// "GEMM", "attention", "communication", "norm", "SwiGLU", "rotary embedding", "loss", "embedding", "optimizer",
/// "gradient norm", "dropout", "copies and fills", "other".
std::string kernel_class(const std::string& name);

struct KernelUse {
  std::string name;  // of the class
  double seconds = 0;
  std::int64_t launches = 0;
};

struct TraceSummary {
  std::vector<KernelUse> classes;    // by falling time
  double span = 0;                   // seconds from the first begin to the last end
  double busy = 0;                   // of these, with anything running
  double exposed_communication = 0;  // of these, with communication and nothing else running
  std::int64_t launches = 0;
};
TraceSummary summarize(std::vector<KernelSpan> spans);

}  // namespace baleen::bench
