#include "apps/arguments.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "core/error.h"

namespace baleen::apps {

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

Arguments& Arguments::option(const std::string& name, std::string& value, const std::string& help) {
  app_->add_option(name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, int& value, const std::string& help) {
  app_->add_option(name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, std::int64_t& value, const std::string& help) {
  app_->add_option(name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, double& value, const std::string& help) {
  app_->add_option(name, value, help)->capture_default_str();
  return *this;
}

Arguments& Arguments::option(const std::string& name, std::optional<std::int64_t>& value, const std::string& help) {
  app_->add_option(name, value, help);
  return *this;
}

Arguments& Arguments::flag_or_option(const std::string& name, const std::string& bare, std::string& value,
                                     const std::string& help) {
  app_->add_flag(name + "{" + bare + "}", value, help);
  return *this;
}

bool Arguments::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
    return true;
  } catch (const CLI::Success& help) {
    app_->exit(help);
    return false;
  } catch (const CLI::ParseError& error) {
    throw core::Error(core::ExitCode::usage, error.what(), "`" + verb_ + " --help` shows what it takes");
  }
}

void check_ranks(int ranks) {
  constexpr int kMost = 1 << 20;
  if (ranks < 1 || ranks > kMost)
    throw core::Error(core::ExitCode::usage, fmt::format("--ranks is {}; a run has 1 to {}", ranks, kMost));
}

}  // namespace baleen::apps
