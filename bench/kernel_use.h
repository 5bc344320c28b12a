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
  std::uint32_t issued = 0;         // rises in the order in which the host issued them
};

/// "GEMM", "attention", "communication", "norm", "SwiGLU", "rotary embedding", "loss", "embedding", "optimizer",
/// "gradient norm", "dropout", "copies and fills", "other".
std::string kernel_class(const std::string& name);

struct KernelUse {
  std::string name;  // of the class
  double seconds = 0;
  std::int64_t launches = 0;
};

/// Moments in which nothing ran, by what ran before and after.
struct Gaps {
  std::string before, after;  // classes
  double seconds = 0;
  double longest = 0;
  std::int64_t count = 0;
};

struct TraceSummary {
  std::vector<KernelUse> classes;    // by falling time
  std::vector<Gaps> gaps;            // by falling time
  double span = 0;                   // seconds from the first begin to the last end
  double busy = 0;                   // of these, with anything running
  double exposed_communication = 0;  // of these, with communication and nothing else running
  std::int64_t launches = 0;
};
TraceSummary summarize(std::vector<KernelSpan> spans);

/// Of the spans of two equal pieces of work, those of the second.
std::vector<KernelSpan> second_half(std::vector<KernelSpan> spans);

}  // namespace baleen::bench
