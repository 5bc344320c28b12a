#include "trainer/config_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "optim/lr_schedule.h"

namespace baleen::trainer {
namespace {

const std::set<std::string> kFreeSections = {"parallelism", "numerics", "checkpoint", "metrics", "launch"};
const std::set<std::string> kFreeKeys = {
    "run.name",
    "run.dir",
    "run.deterministic",
    "data.validation",
    "data.prefetch",
    "precision.loss_scale_init",  // of the first step only
    "training.micro_batch_size",
    "training.recompute",
    "training.validate_every",
    "training.validation_sequences",
};

double next_rate(const Config& config, std::int64_t optimizer_step) {
  return optim::learning_rate(config.lr_scheduler, config.optimizer.lr, config.training.steps,
                              std::min(optimizer_step, config.training.steps - 1));
}

}  // namespace

std::string changes_of_course(const Config& saved, const Config& now, std::int64_t optimizer_step) {
  std::string text;
  for (const core::SectionTables::Entry& section : config_schema().sections) {
    if (kFreeSections.contains(section.table.name)) continue;
    const void* before = section.member(const_cast<Config*>(&saved));
    const void* after = section.member(const_cast<Config*>(&now));
    for (const core::Field& field : section.table.fields) {
      const std::string key = section.table.name + "." + field.name;
      if (kFreeKeys.contains(key) || field.write(before) == field.write(after)) continue;
      text += fmt::format("\n  {} is {}, was {}", key, field.write(after), field.write(before));
    }
  }
  const double was = next_rate(saved, optimizer_step), is = next_rate(now, optimizer_step);
  if (was != is) text += fmt::format("\n  so the next learning rate is {:.3g}; it would have been {:.3g}", is, was);
  return text;
}

}  // namespace baleen::trainer
