#include "trainer/metrics_config.h"

namespace baleen::trainer {

const core::Section<MetricsConfig>& metrics_section() {
  static const auto section =
      core::Section<MetricsConfig>("metrics", "What is told on the way. metrics.jsonl has every step in any case.")
          .field("log_every", &MetricsConfig::log_every, "Steps between lines on the terminal.", core::between(1, 1e9))
          .field("trace_step", &MetricsConfig::trace_step,
                 "The step, counted from 1, of which all ranks record the times of every action into "
                 "RUN/trace/step-N.json (docs/tracing.md); 0: none.",
                 core::not_negative());
  return section;
}

}  // namespace baleen::trainer
