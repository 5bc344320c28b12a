#pragma once
// Names in RUN/checkpoints. What is no plain step-00001000 bears a mark and the id of the process that gave it:
//   step-00001000.partial-ID     a save that is being written                 readers ignore it, the next save removes
//   it step-00001000.removed-ID     on its way out, so that no one meets half    the same step-00001000.replaced-ID the
//   older save of this step, aside for the moment that the newer one takes its name
//                                (file systems that cannot exchange names): while no step-00001000 stands, this is it
//   step-00001000.abandoned-ID   of a branch that the run left by going on from an older step: never picked up again

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace baleen::checkpoint {

inline constexpr std::string_view kLatestName = "LATEST";

enum class Mark { partial, removed, replaced, abandoned };

/// "step-00001000"
std::string step_directory_name(std::int64_t step);
/// The step of a plain name; none for others, marked ones among them.
std::optional<std::int64_t> step_of(std::string_view name);

/// "step-00001000.partial-00000000000000ff" beside `step_directory`.
std::filesystem::path marked(const std::filesystem::path& step_directory, Mark mark, std::uint64_t id);
/// The step of a name with this mark; none for others.
std::optional<std::int64_t> marked_step_of(std::string_view name, Mark mark);

}  // namespace baleen::checkpoint
