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

double flops_per_token(const models::ModelConfig& model, std::int64_t sequence_length) {
  const models::ParameterCounts counts = models::count_parameters(models::llama_units(model));
  const std::int64_t head = model.tie_embeddings ? counts.embedding : counts.head;
  const std::int64_t multiplied = counts.attention + counts.mlp + counts.norms + head;
  const std::int64_t attended = model.layers * sequence_length * model.heads * model.head_dim();
  return 6.0 * static_cast<double>(multiplied + attended);
}

double dense_peak_flops(const std::string& device_name, core::DType compute) {
  if (compute != core::DType::bf16 && compute != core::DType::f16) return 0;
  for (const Peak& peak : kPeaks)
    if (device_name.find(peak.device) != std::string::npos) return peak.half_flops;
  return 0;
}

}  // namespace baleen::trainer
