#pragma once
// The option --ranks of verbs that start none.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace baleen::apps {

/// `asked`; where it is not given, the fewest that the degrees of the configuration make. Throws Error(usage) where no
/// run can have so many.
int planned_ranks(const std::optional<std::int64_t>& asked, const std::filesystem::path& config,
                  const std::vector<std::string>& overrides);

}  // namespace baleen::apps
