#include "apps/planned_ranks.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "trainer/config.h"

namespace baleen::apps {

int planned_ranks(const std::optional<std::int64_t>& asked, const std::filesystem::path& config,
                  const std::vector<std::string>& overrides) {
  if (!asked) {
    const std::int64_t least = trainer::read_config(config, overrides).config.parallelism.least_ranks();
    return static_cast<int>(std::min(least, parallel::kMostRanks));  // what is too much is refused with its mesh
  }
  if (*asked < 1 || *asked > parallel::kMostRanks)
    throw core::Error(core::ExitCode::usage,
                      fmt::format("--ranks is {}; a run has 1 to {}", *asked, parallel::kMostRanks));
  return static_cast<int>(*asked);
}

}  // namespace baleen::apps
