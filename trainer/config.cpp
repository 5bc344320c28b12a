#include "trainer/config.h"

namespace baleen::trainer {
namespace {

ReadConfig fill_config(const core::ConfigSource& source) {
  ReadConfig read;
  read.problems = source.problems;
  read.complete = source.complete;
  read.config.origins = core::fill(config_schema(), source, &read.config, read.problems);
  read.config.model.resolve();
  return read;
}

}  // namespace

std::filesystem::path Config::run_dir() const {
  return std::filesystem::path(run.dir) / run.name;
}

const core::SectionTables& config_schema() {
  static const auto schema = core::Schema<Config>()
                                 .section(run_section(), &Config::run)
                                 .section(models::model_section(), &Config::model)
                                 .section(data::data_section(), &Config::data)
                                 .section(training_section(), &Config::training)
                                 .section(optim::optimizer_section(), &Config::optimizer)
                                 .section(optim::lr_scheduler_section(), &Config::lr_scheduler)
                                 .section(parallel::parallelism_section(), &Config::parallelism)
                                 .section(precision_section(), &Config::precision)
                                 .section(numerics_section(), &Config::numerics)
                                 .section(checkpoint::checkpoint_section(), &Config::checkpoint)
                                 .section(metrics_section(), &Config::metrics)
                                 .section(launch_section(), &Config::launch);
  return schema.tables();
}

ReadConfig read_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  ReadConfig read = fill_config(core::read_config_source(path, overrides));
  if (read.config.run.name.empty()) read.config.run.name = path.stem().string();
  return read;
}

Config load_config(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  ReadConfig read = read_config(path, overrides);
  core::throw_if_any(read.problems, path.string());
  return std::move(read.config);
}

Config load_checked_config(const std::filesystem::path& path, const std::vector<std::string>& overrides, int ranks,
                           Datasets datasets) {
  ReadConfig read = read_config(path, overrides);
  if (read.complete)
    for (core::Problem& problem : validate(read.config, ranks, datasets)) read.problems.push_back(std::move(problem));
  core::throw_if_any(read.problems, path.string());
  return std::move(read.config);
}

std::string to_toml(const Config& config) {
  return core::dump(config_schema(), &config);
}

}  // namespace baleen::trainer
