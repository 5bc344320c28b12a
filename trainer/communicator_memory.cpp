#include "trainer/communicator_memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/counted.h"

namespace baleen::trainer {

std::string describe(const std::vector<parallel::CommunicatorMemory>& memory, std::optional<double> planned_gib) {
  constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
  std::int64_t sum = 0;
  std::vector<std::string> each;
  for (const parallel::CommunicatorMemory& one : memory) {
    sum += one.bytes;
    each.push_back(fmt::format("{} {:.3f}", one.axis, static_cast<double>(one.bytes) / kGib));
  }
  std::string text = fmt::format("{}: {:.2f} GiB beside the allocator, measured ({})",
                                 core::counted(static_cast<std::int64_t>(memory.size()), "communicator"),
                                 static_cast<double>(sum) / kGib, fmt::join(each, ", "));
  if (planned_gib) text += fmt::format("; planned {:.2f}", *planned_gib);
  return text;
}

}  // namespace baleen::trainer
