#include "trainer/start_facts.h"

#include <fmt/format.h>

#include "core/version.h"
#include "data/token_dataset.h"
#include "launch/library_versions.h"

namespace baleen::trainer {
namespace {

using parallel::CommonFact;

constexpr auto kEnvironment = core::ExitCode::environment;

void add_configuration(std::vector<CommonFact>& facts, Config config) {
  for (const core::SectionTables::Entry& section : config_schema().sections) {
    const void* values = section.member(&config);
    for (const core::Field& field : section.table.fields)
      facts.push_back({section.table.name + "." + field.name, field.write(values)});
  }
}

void add_dataset(std::vector<CommonFact>& facts, const std::string& path) {
  if (path.empty() || path == data::kRandomDataset) return;
  facts.push_back({"the content of " + path, data::TokenDataset::content_digest(path).hex(), kEnvironment});
}

}  // namespace

std::vector<CommonFact> build_facts() {
  std::vector<CommonFact> facts{
      {"Baleen",
       fmt::format("{} ({}, {}, build {})", core::version(), core::build_type(), core::compiler(), core::build_id()),
       kEnvironment}};
  // LibTorch's version is compiled in, and so part of our build.
  for (const launch::LibraryVersion& library : launch::library_versions())
    if (library.name != "CUDA driver" && library.name != "LibTorch")
      facts.push_back({library.name, library.version, kEnvironment});
  for (const core::LoadedObject& library : launch::loaded_libraries())
    facts.push_back({library.file(), "build " + library.build, kEnvironment});
  return facts;
}

std::vector<CommonFact> request_facts(const RunRequest& request) {
  std::vector<CommonFact> facts;
  add_configuration(facts, request.config);
  facts.push_back({"the run directory", request.run_dir.string()});
  facts.push_back({"--resume", request.resume_step ? std::to_string(*request.resume_step)
                               : request.resume    ? "the newest checkpoint"
                                                   : "not given"});
  add_dataset(facts, request.config.data.train);
  add_dataset(facts, request.config.data.validation);
  return facts;
}

}  // namespace baleen::trainer
