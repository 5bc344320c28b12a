#include "checkpoint/step_names.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace baleen::checkpoint {
namespace {

constexpr std::string_view kStepPrefix = "step-";
constexpr std::array<std::string_view, 4> kMarks{".partial-", ".removed-", ".replaced-", ".abandoned-"};

std::string_view text_of(Mark mark) {
  return kMarks[static_cast<std::size_t>(mark)];
}

}  // namespace

std::string step_directory_name(std::int64_t step) {
  return fmt::format("{}{:08d}", kStepPrefix, step);
}

std::optional<std::int64_t> step_of(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kStepPrefix.size(), end, step);
  if (error != std::errc() || stop != end || step_directory_name(step) != name) return std::nullopt;
  return step;
}

std::filesystem::path marked(const std::filesystem::path& step_directory, Mark mark, std::uint64_t id) {
  return step_directory.parent_path() /
         fmt::format("{}{}{:016x}", step_directory.filename().string(), text_of(mark), id);
}

std::optional<std::int64_t> marked_step_of(std::string_view name, Mark mark) {
  const std::size_t at = name.find(text_of(mark));
  return at == std::string_view::npos ? std::nullopt : step_of(name.substr(0, at));
}

}  // namespace baleen::checkpoint
