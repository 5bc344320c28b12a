#include "apps/arguments.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <type_traits>

#include "core/config_value.h"
#include "core/error.h"

namespace baleen::apps {
namespace {

constexpr char kOverrides[] = "OVERRIDES";

template <class Number>
Number read_number(const std::string& name, const std::string& text) {
  constexpr bool kWhole = std::is_integral_v<Number>;
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  std::string expected = kWhole ? "an integer" : "a number";
  if (error == std::errc::result_out_of_range)
    expected = fmt::format("{} between {} and {}", expected, std::numeric_limits<Number>::lowest(),
                           std::numeric_limits<Number>::max());
  throw core::Error(core::ExitCode::usage, fmt::format("{} is {}; expected {}", name, text, expected));
}

/// What a variable of the shell leaves that is not set.
[[noreturn]] void refuse_empty(const std::string& name) {
  throw core::Error(core::ExitCode::usage, name + " is empty; it needs a value");
}

template <class Value>
CLI::Option* add_number(CLI::App& app, const std::string& name, Value& value, const std::string& help) {
  constexpr bool kOptional = std::is_same_v<Value, std::optional<std::int64_t>>;
  using Number = std::conditional_t<kOptional, std::int64_t, Value>;
  const auto read = [&value, name](const CLI::results_t& words) {
    value = read_number<Number>(name, words.back());
    return true;
  };
  std::function<std::string()> show = [] { return std::string(); };
  if constexpr (!kOptional) show = [&value] { return fmt::format("{}", value); };
  return app.add_option(name, read, help, false, show)
      ->type_name(std::is_integral_v<Number> ? "INT" : "FLOAT")
      ->take_last();
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// The one option that `word` begins, else the nearest by letters; empty where there is none.
std::string meant_option(const std::string& word, const std::vector<std::string>& options) {
  std::vector<std::string> begun;
  for (const std::string& option : options)
    if (word.size() > 2 && option.starts_with(word)) begun.push_back(option);
  return begun.size() == 1 ? begun.front() : core::nearest_name(word, options);
}

/// "training.steps=5" of "--training.steps=5" where the verb takes overrides; empty where it is none.
std::string meant_override(const CLI::App& app, const std::string& word) {
  if (app.get_option_no_throw(kOverrides) == nullptr) return "";
  const std::string bare = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  const std::size_t dot = bare.find('.'), equals = bare.find('=');
  if (dot == 0 || dot == std::string::npos || dot > equals) return "";
  return equals == std::string::npos ? bare + "=VALUE" : bare;
}

std::string in_our_words(const CLI::App& app, const CLI::ParseError& error) {
  const std::vector<std::string> left = app.remaining();
  const auto unknown = std::ranges::find_if(left, [](const std::string& word) { return word.starts_with('-'); });
  if (unknown != left.end()) {
    const std::string meant = meant_override(app, *unknown);
    if (!meant.empty()) return "overrides have no dashes: " + meant;
    const std::string nearest = meant_option(unknown->substr(0, unknown->find('=')), option_names(app));
    return fmt::format("there is no option {}{}", *unknown,
                       nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest));
  }
  for (const CLI::Option* option : app.get_options())
    if (option->get_required() && option->count() == 0)
      return fmt::format("{} is missing: {}", option->get_name(), option->get_description());
  if (!left.empty()) return fmt::format("{} is one argument too many", left.front());
  const std::string what = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return what.substr(0, what.find(':')) + " needs a value";
  return what;
}

}  // namespace

Arguments::Arguments(const std::string& verb, const std::string& help)
    : verb_(verb), app_(std::make_unique<CLI::App>(help, verb)) {}

Arguments::~Arguments() = default;

Arguments& Arguments::positional(const std::string& name, std::string& value, const std::string& help) {
  app_->add_option(name, value, help)->required();
  return *this;
}

Arguments& Arguments::optional(const std::string& name, std::string& value, const std::string& help) {
  app_->add_option(name, value, help);
  return *this;
}

Arguments& Arguments::rest(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  app_->add_option(name, values, help);
  return *this;
}

Arguments& Arguments::flag(const std::string& name, bool& value, const std::string& help) {
  app_->add_flag(name, value, help);
  return *this;
}

Arguments& Arguments::overrides(std::vector<std::string>& values, const std::string& help) {
  return rest(kOverrides, values, help);
}

Arguments& Arguments::text(const std::string& name, std::string& value, const std::string& help) {
  app_->add_option(name, value, help)->capture_default_str()->take_last();
  return *this;
}

Arguments& Arguments::option(const std::string& name, std::string& value, const std::string& help) {
  const auto refuse = [name](const std::string& text) {
    if (text.empty()) refuse_empty(name);
    return std::string();
  };
  app_->add_option(name, value, help)->capture_default_str()->take_last()->check(refuse);
  return *this;
}

Arguments& Arguments::option(const std::string& name, int& value, const std::string& help) {
  add_number(*app_, name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, std::int64_t& value, const std::string& help) {
  add_number(*app_, name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, double& value, const std::string& help) {
  add_number(*app_, name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, std::optional<std::int64_t>& value, const std::string& help) {
  add_number(*app_, name, value, help);
  return *this;
}

Arguments& Arguments::flag_or_option(const std::string& name, const std::string& bare, std::string& value,
                                     const std::string& help) {
  app_->add_flag(name + "{" + bare + "}", value, help);
  may_be_bare_.push_back(name);
  return *this;
}

bool Arguments::parse(int argc, char** argv) {
  const std::string next_action = "`" + verb_ + " --help` shows what it takes";
  try {
    for (const std::string& name : may_be_bare_)  // CLI11 takes "--resume=" for "--resume"
      if (std::find(argv, argv + argc, name + "=") != argv + argc) refuse_empty(name);
    app_->parse(argc, argv);
    return true;
  } catch (const CLI::Success& help) {
    app_->exit(help);
    return false;
  } catch (const CLI::ParseError& error) {
    throw core::Error(core::ExitCode::usage, in_our_words(*app_, error), next_action);
  } catch (const core::Error& error) {
    throw core::Error(error.code(), error.what(), next_action);
  }
}

}  // namespace baleen::apps
