#include "trainer/product_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string_view>

#include "core/error.h"
#include "core/filesystem.h"
#include "core/lines.h"
#include "core/log.h"
#include "kernels/product_plans.h"
#include "parallel/text_exchange.h"

namespace baleen::trainer {
namespace {

namespace fs = std::filesystem;

using Plans = std::map<std::string, std::string>;

constexpr const char* kFile = "products.txt";

/// Those that are there stay.
void add_lines(Plans& plans, const std::string& text) {
  core::for_lines(text, [&](std::string_view line) {
    if (const std::size_t equals = line.find(" = "); equals != std::string_view::npos)
      plans.emplace(line.substr(0, equals), line);
  });
}

std::string text_of(const Plans& plans) {
  std::string text;
  for (const auto& [product, line] : plans) text += line + "\n";
  return text;
}

/// Files say in their first line what their plans hold for.
std::string head(const std::string& scope) {
  return "# " + scope + "\n";
}

void add_file(Plans& plans, const fs::path& path, const std::string& scope) {
  std::error_code none;
  if (path.empty() || !fs::exists(path, none)) return;
  const std::string text = core::read_file(path);
  if (text.starts_with(head(scope))) add_lines(plans, text);
}

fs::path cache_file(const std::string& scope) {
  const fs::path cache = core::cache_folder();
  std::string name = scope;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == ',' || c == '/'; }, '_');
  return cache.empty() ? cache : cache / "products" / (name + ".txt");
}

/// A cache that cannot be written costs the next run some seconds, no more.
void write_cache(const fs::path& path, const std::string& text) {
  if (path.empty()) return;
  try {
    core::make_folder(path.parent_path());
    core::write_file_atomically(path, text);
  } catch (const core::Error& error) {
    core::log_warning(fmt::format("the chosen algorithms are not kept for other runs: {}", error.what()));
  }
}

}  // namespace

ProductChoice::ProductChoice(parallel::Communicator& host, at::Device device, fs::path run_dir, bool deterministic)
    : host_(host), device_(device), run_dir_(std::move(run_dir)), active_(device.is_cuda() && !deterministic) {}

void ProductChoice::share() {
  kernels::use_product_plans(parallel::broadcast_text(host_, text_of(plans_), 0), device_);
}

void ProductChoice::load() {
  if (!device_.is_cuda()) return;
  if (active_ && host_.rank() == 0) {
    const std::string scope = kernels::product_plans_scope(device_);
    if (!run_dir_.empty()) add_file(plans_, run_dir_ / kFile, scope);
    add_file(plans_, cache_file(scope), scope);
  }
  share();
}

std::int64_t ProductChoice::complete() {
  if (!active_) return 0;
  const auto began = std::chrono::steady_clock::now();
  std::set<std::string> unplanned;
  for (const std::string& of_rank : parallel::gather_texts(host_, kernels::unplanned_products(device_)))
    core::for_lines(of_rank, [&](std::string_view product) { unplanned.emplace(product); });
  const auto count = static_cast<std::int64_t>(unplanned.size());
  if (host_.rank() == 0) {
    for (const std::string& product : unplanned) plans_.erase(product);  // its plan, if any, was refused
    if (count > 0) add_lines(plans_, kernels::plan_products(fmt::format("{}\n", fmt::join(unplanned, "\n")), device_));
    keep();
  }
  if (count == 0) return 0;
  core::log_info(fmt::format("measured cuBLASLt's algorithms for {} products in {:.1f} s", count,
                             std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()));
  share();
  return count;
}

void ProductChoice::keep() const {
  const std::string scope = kernels::product_plans_scope(device_);
  if (!run_dir_.empty()) core::write_file_atomically(run_dir_ / kFile, head(scope) + text_of(plans_));
  Plans of_all_runs = plans_;
  add_file(of_all_runs, cache_file(scope), scope);
  write_cache(cache_file(scope), head(scope) + text_of(of_all_runs));
}

}  // namespace baleen::trainer
