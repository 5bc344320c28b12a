#include "tests/config/fixture.h"

#include <numeric>

#include "data/token_writer.h"

namespace baleen::trainer {
namespace {

std::string replace_all(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

}  // namespace

std::string with_data(const std::string& text) {
  return text.find("[data]") == std::string::npos ? text + "\n[data]\ntrain = \"random\"\n" : text;
}

ConfigFolder::ConfigFolder() {
  constexpr data::TokenId kEndOfText = 256;
  data::TokenWriter writer(folder_ / "tokens.h5", {"bytes", kEndOfText + 1, kEndOfText, false});
  std::vector<data::TokenId> tokens(200);
  std::iota(tokens.begin(), tokens.end(), 0);
  writer.append(tokens);
  writer.end_document();
  writer.commit();
  folder_.write("noise.h5", "this is no dataset");
}

std::filesystem::path ConfigFolder::write(const std::string& name, const std::string& text) const {
  return folder_.write(name, replace_all(text, "FOLDER", folder_.path().string()));
}

std::vector<std::string> ConfigFolder::problems(const std::string& text, const std::vector<std::string>& overrides,
                                                int ranks) const {
  ReadConfig read = read_config(write("run.toml", with_data(text)), overrides);
  if (read.complete)
    for (const core::Problem& problem : validate(read.config, ranks)) read.problems.push_back(problem);
  std::vector<std::string> texts;
  for (const core::Problem& problem : read.problems)
    texts.push_back(replace_all(problem.text(), folder_.path().string() + "/", ""));
  return texts;
}

}  // namespace baleen::trainer
