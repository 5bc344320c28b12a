#pragma once
// The tiny model of the planner's tests: 2 layers of 128, two heads of 64 that share one KV head, FFN 256, vocabulary
// 250; 64 tokens a sequence, one a micro-batch, BF16.

#include <string>
#include <vector>

#include "planner/units.h"
#include "trainer/config.h"

namespace baleen::planner {

/// `text`: what its file says.
inline Config tiny_plan_config(const std::vector<std::string>& overrides, const std::string& text = "") {
  std::vector<std::string> all = {"model.layers=2",
                                  "model.dim=128",
                                  "model.heads=2",
                                  "model.kv_heads=1",
                                  "model.ffn_dim=256",
                                  "model.vocab_size=250",
                                  "training.sequence_length=64",
                                  "training.global_batch_size=4",
                                  "training.micro_batch_size=1",
                                  "precision.compute=bf16",
                                  "run.deterministic=false",
                                  "data.train=random"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  core::ConfigSource source = core::read_config_text(text, "tiny.toml", all);
  Config config;
  config.origins = core::fill(trainer::config_schema(), source, &config, source.problems);
  core::throw_if_any(source.problems, "tiny.toml");
  config.model.resolve();
  return config;
}

}  // namespace baleen::planner
