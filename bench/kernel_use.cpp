#include "bench/kernel_use.h"

#include <algorithm>
#include <map>
#include <utility>

namespace baleen::bench {
namespace {

constexpr const char* kCommunication = "communication";
constexpr double kSecond = 1e9;  // in the units of spans

struct Pattern {
  const char* part;  // of a kernel's name, or of its argument's type
  const char* name;
};

/// The first that fits: attention kernels have words of matrix products in their names too.
constexpr Pattern kPatterns[] = {{"nccl", kCommunication},
                                 {"sdpa", "attention"},
                                 {"flash", "attention"},
                                 {"fmha", "attention"},
                                 {"cudnn", "attention"},
                                 {"RmsNorm", "norm"},
                                 {"Swiglu", "SwiGLU"},
                                 {"Rope", "rotary embedding"},
                                 {"CrossEntropy", "loss"},
                                 {"Embedding", "embedding"},
                                 {"RadixSort", "embedding"},
                                 {"adamw", "optimizer"},
                                 {"sgd_kernel", "optimizer"},
                                 {"squares_kernel", "gradient norm"},
                                 {"round_kernel", "gradient norm"},
                                 {"total_kernel", "gradient norm"},
                                 {"decide_step", "gradient norm"},
                                 {"Dropout", "dropout"},
                                 {"QuantizeFp8", "FP8 quantization"},
                                 {"abs_max_kernel", "FP8 quantization"},
                                 {"nvjet", "GEMM"},
                                 {"gemm", "GEMM"},
                                 {"xmma", "GEMM"},
                                 {"cutlass", "GEMM"},
                                 {"splitK", "GEMM"},
                                 {"cublasLt", "GEMM"},
                                 {"memcpy", "copies and fills"},
                                 {"memset", "copies and fills"},
                                 {"copy", "copies and fills"},
                                 {"Fill", "copies and fills"}};

/// Nanoseconds covered by at least one of these intervals, which come by their begin.
std::int64_t covered(const std::vector<std::pair<std::int64_t, std::int64_t>>& intervals) {
  std::int64_t sum = 0, end = 0;
  for (const auto& [from, to] : intervals) {
    if (to <= end) continue;
    sum += to - std::max(from, end);
    end = to;
  }
  return sum;
}

/// Of spans that come by their begin.
std::vector<Gaps> gaps_between(const std::vector<KernelSpan>& spans) {
  std::map<std::pair<std::string, std::string>, Gaps> gaps;
  const KernelSpan* last = &spans.front();  // of those so far, the one that ends last
  for (const KernelSpan& span : spans) {
    if (span.begin > last->end) {
      const std::string before = kernel_class(last->name), after = kernel_class(span.name);
      Gaps& between = gaps[{before, after}];
      const double seconds = static_cast<double>(span.begin - last->end) / kSecond;
      between = {before, after, between.seconds + seconds, std::max(between.longest, seconds), between.count + 1};
    }
    if (span.end > last->end) last = &span;
  }
  std::vector<Gaps> sorted;
  sorted.reserve(gaps.size());
  for (const auto& [classes, between] : gaps) sorted.push_back(between);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return sorted;
}

}  // namespace

std::string kernel_class(const std::string& name) {
  const auto* found = std::find_if(std::begin(kPatterns), std::end(kPatterns),
                                   [&](const Pattern& p) { return name.find(p.part) != std::string::npos; });
  return found == std::end(kPatterns) ? "other" : found->name;
}

TraceSummary summarize(std::vector<KernelSpan> spans) {
  TraceSummary summary;
  if (spans.empty()) return summary;
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::map<std::string, KernelUse> uses;
  std::vector<std::pair<std::int64_t, std::int64_t>> all, computing;
  std::int64_t last = 0;
  for (const KernelSpan& span : spans) {
    KernelUse& use = uses[kernel_class(span.name)];
    use.name = kernel_class(span.name);
    use.seconds += static_cast<double>(span.end - span.begin) / kSecond;
    ++use.launches;
    all.emplace_back(span.begin, span.end);
    if (use.name != kCommunication) computing.emplace_back(span.begin, span.end);
    last = std::max(last, span.end);
  }
  for (auto& [name, use] : uses) summary.classes.push_back(std::move(use));
  std::stable_sort(summary.classes.begin(), summary.classes.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  summary.span = static_cast<double>(last - spans.front().begin) / kSecond;
  summary.busy = static_cast<double>(covered(all)) / kSecond;
  summary.exposed_communication = static_cast<double>(covered(all) - covered(computing)) / kSecond;
  summary.launches = static_cast<std::int64_t>(spans.size());
  summary.gaps = gaps_between(spans);
  return summary;
}

std::vector<KernelSpan> second_half(std::vector<KernelSpan> spans) {
  std::stable_sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.issued < b.issued; });
  spans.erase(spans.begin(), spans.begin() + static_cast<std::ptrdiff_t>(spans.size() / 2));
  return spans;
}

}  // namespace baleen::bench
