// Warnings of settings that can have no effect.

#include <gmock/gmock.h>

#include "trainer/config.h"

namespace baleen::trainer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(IdleSettings, DefaultsAreNone) {
  for (const int ranks : {1, 2, 8}) EXPECT_THAT(idle_settings({}, ranks), IsEmpty());
}

TEST(IdleSettings, AGradientTravelsBetweenShardRanks) {
  Config config;
  config.precision.gradient_wire = "bf16";
  EXPECT_THAT(idle_settings(config, 2), IsEmpty());
  const auto warned = ElementsAre(
      "precision.gradient_wire = \"bf16\" has no effect: gradients travel so between the ranks of "
      "parallelism.data_shard, which is 1");
  EXPECT_THAT(idle_settings(config, 1), warned);
  config.parallelism.data_replicate = 2;
  EXPECT_THAT(idle_settings(config, 2), warned);
}

TEST(IdleSettings, ZeroChangesBuffersAndSumsOfOneRankToo) {
  Config config;
  config.parallelism.zero_stage = 3;
  config.parallelism.regather = "step";
  EXPECT_THAT(idle_settings(config, 1), IsEmpty());
}

TEST(IdleSettings, OnlyZero3Gathers) {
  Config config;
  config.parallelism.regather = "never";
  config.parallelism.zero_stage = 2;
  EXPECT_THAT(idle_settings(config, 2), ElementsAre("parallelism.regather = \"never\" has no effect: weights are "
                                                    "gathered where parallelism.zero_stage is 3"));
}

TEST(IdleSettings, AxesOfOneRank) {
  Config config;
  config.parallelism.sequence_parallel = false;
  config.parallelism.schedule = "interleaved";
  config.parallelism.virtual_stages = 2;
  config.parallelism.stage_layers = {2, 2};
  EXPECT_EQ(idle_settings(config, 1).size(), 4u);
  config.parallelism.tensor = 2;
  config.parallelism.pipeline = 2;
  EXPECT_THAT(idle_settings(config, 4), IsEmpty());
}

TEST(IdleSettings, NothingIsShardedOverReplicas) {
  Config config;
  config.parallelism.zero_stage = 3;
  config.parallelism.data_replicate = 4;
  EXPECT_THAT(
      idle_settings(config, 4),
      ElementsAre("parallelism.zero_stage = 3 has no effect: replicas hold the whole, and parallelism.data_shard, "
                  "which ZeRO cuts over, is 1"));
  EXPECT_THAT(idle_settings(config, 8), IsEmpty());
}

TEST(IdleSettings, RotaryFactorsAreOfAScaling) {
  Config config;
  config.model.rope_factor = 4;
  config.model.rope_low_freq_factor = 2;
  EXPECT_THAT(idle_settings(config, 1),
              ElementsAre("model.rope_factor = 4.0 has no effect: model.rope_scaling \"none\" stretches nothing",
                          "model.rope_low_freq_factor = 2.0 has no effect: it is of model.rope_scaling \"llama3\""));
  config.model.rope_scaling = models::RopeScaling::linear;
  EXPECT_EQ(idle_settings(config, 1).size(), 1u);
  config.model.rope_scaling = models::RopeScaling::llama3;
  EXPECT_THAT(idle_settings(config, 1), IsEmpty());
}

TEST(IdleSettings, AScaledLossStopsAtItsSmallestScale) {
  Config config;
  config.numerics.max_bad_steps = 3;
  EXPECT_THAT(idle_settings(config, 1), IsEmpty());
  config.precision.compute = "fp16";
  EXPECT_EQ(idle_settings(config, 1).size(), 1u);
}

TEST(IdleSettings, OfAnotherChoice) {
  Config config;
  config.precision.loss_scale_min = 2;
  config.optimizer.momentum = 0.5;
  config.optimizer.eps = 1e-6;
  config.lr_scheduler.min_lr_ratio = 0.1;
  config.training.validation_sequences = 3;
  EXPECT_THAT(idle_settings(config, 1),
              ElementsAre("precision.loss_scale_min = 2.0 has no effect: the loss is scaled where precision.compute is "
                          "\"fp16\"",
                          "training.validation_sequences = 3 has no effect: data.validation names no dataset",
                          "optimizer.momentum = 0.5 has no effect: it is of optimizer.name \"sgd\""));
  config.precision.compute = "fp16";
  config.optimizer.name = "sgd";
  config.lr_scheduler.name = "constant";
  config.data.validation = "random";
  EXPECT_THAT(
      idle_settings(config, 1),
      ElementsAre("optimizer.eps = 1e-06 has no effect: it is of optimizer.name \"adamw\"",
                  "lr_scheduler.min_lr_ratio = 0.1 has no effect: lr_scheduler.name \"constant\" has no decay"));
}

TEST(IdleSettings, Fp8) {
  Config config;
  config.model.resolve();
  config.precision.fp8_recipe = "block";
  EXPECT_THAT(idle_settings(config, 1),
              ElementsAre("precision.fp8_recipe = \"block\" has no effect: it is of precision.compute \"fp8\""));
  config.precision.compute = "fp8";
  config.precision.fp8_smallest = 1;
  EXPECT_THAT(idle_settings(config, 1), IsEmpty());
  config.training.sequence_length = 100;
  config.training.micro_batch_size = 2;
  EXPECT_THAT(
      idle_settings(config, 1),
      ElementsAre("precision.compute = \"fp8\" has no effect: linear layers compute in BF16 where the tokens of "
                  "a micro-batch are no multiple of 16"));
  config.precision.fp8_smallest = 1 << 20;
  EXPECT_THAT(idle_settings(config, 1),
              ElementsAre(testing::StartsWith("precision.compute = \"fp8\" has no effect: linear layers with fewer "
                                              "features on a rank than precision.fp8_smallest")));
}

}  // namespace
}  // namespace baleen::trainer
