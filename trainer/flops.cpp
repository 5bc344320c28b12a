#include "trainer/flops.h"

#include "models/llama_parameters.h"

namespace baleen::trainer {
namespace {

/// Dense BF16 and FP16 tensor-core peaks per second of the SXM parts, from NVIDIA's data sheets.
struct Peak {
  const char* device;
  double half_flops;
};
constexpr Peak kPeaks[] = {{"H200", 989e12}, {"H100", 989e12}, {"A100", 312e12}, {"B200", 2250e12}};

}  // namespace

double dense_peak_flops(const std::string& device_name, core::DType compute) {
  if (compute != core::DType::bf16 && compute != core::DType::f16) return 0;
  for (const Peak& peak : kPeaks)
    if (device_name.find(peak.device) != std::string::npos) return peak.half_flops;
  return 0;
}

}  // namespace baleen::trainer
