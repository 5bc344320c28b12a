#pragma once
// What a verb takes from the command line. CLI11 (five seconds to compile) stays in the source.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace baleen::apps {

/// Variables keep what they hold where an argument is not given; options show it as their default. They must live until
/// parse() returns.
class Arguments {
 public:
  /// verb: "baleen check".
  Arguments(const std::string& verb, const std::string& help);
  ~Arguments();

  Arguments& positional(const std::string& name, std::string& value, const std::string& help);  // required
  Arguments& optional(const std::string& name, std::string& value, const std::string& help);    // positional
  /// The positional arguments that are left.
  Arguments& rest(const std::string& name, std::vector<std::string>& values, const std::string& help);

  /// Words section.key=VALUE, the rest of the positional arguments.
  Arguments& overrides(std::vector<std::string>& values, const std::string& help = "section.key=VALUE, as in the file");

  Arguments& flag(const std::string& name, bool& value, const std::string& help);
  /// `value` is refused where it is given and empty.
  Arguments& option(const std::string& name, std::string& value, const std::string& help);
  Arguments& option(const std::string& name, int& value, const std::string& help);
  Arguments& option(const std::string& name, std::int64_t& value, const std::string& help);
  Arguments& option(const std::string& name, double& value, const std::string& help);
  Arguments& option(const std::string& name, std::optional<std::int64_t>& value, const std::string& help);
  /// An option that may be empty.
  Arguments& text(const std::string& name, std::string& value, const std::string& help);
  /// --name, which gives `bare`, or --name=VALUE; never takes the argument that follows.
  Arguments& flag_or_option(const std::string& name, const std::string& bare, std::string& value,
                            const std::string& help);

  /// False: --help was asked for and is printed. Throws Error(usage).
  [[nodiscard]] bool parse(int argc, char** argv);

 private:
  std::string verb_;
  std::vector<std::string> may_be_bare_;
  std::unique_ptr<CLI::App> app_;
};

}  // namespace baleen::apps
