// The plan of a tiny model against numbers worked out by hand, and what must hold for all.

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"
#include "planner/plan.h"
#include "tests/planner/fixture.h"

namespace baleen::planner {
namespace {

using testing::HasSubstr;

// Elements of the units over two shards: embedding and head 256 x 128; a layer has q and o 128 x 128, k and v 64 x 128,
// gate, up and down 256 x 128 and two norms; the final norm fills two shards of 128.
constexpr std::int64_t kEnd = 256 * 128;
constexpr std::int64_t kLayer = 2 * 128 * 128 + 2 * 64 * 128 + 3 * 256 * 128 + 2 * 128;
constexpr std::int64_t kNorm = 2 * 128;
constexpr std::int64_t kWhole = 2 * kEnd + 2 * kLayer + kNorm;

PlannedStep tiny_step(const std::vector<std::string>& overrides, int ranks) {
  const Config config = tiny_plan_config(overrides);
  return plan_step(config, config.dims(ranks));
}

RankMemory tiny_memory(const std::vector<std::string>& overrides, int ranks, int rank = 0) {
  return plan_memory(tiny_step(overrides, ranks), rank, FootprintTable{});
}

TEST(PlannerStates, AreWhatEachZeroStageLeaves) {
  struct Row {
    const char* stage;
    std::int64_t values, masters, gradients, optimizer;
  };
  constexpr std::int64_t kHalf = kWhole / 2;
  for (const Row& row :
       {Row{"0", 2 * kWhole, 4 * kWhole, 4 * kWhole, 8 * kWhole},
        Row{"1", 2 * kWhole, 4 * kHalf, 4 * kWhole, 8 * kHalf}, Row{"2", 2 * kWhole, 4 * kHalf, 4 * kHalf, 8 * kHalf},
        Row{"3", 0, 4 * kHalf, 4 * kHalf, 8 * kHalf}}) {
    const RankMemory memory = tiny_memory({std::string("parallelism.zero_stage=") + row.stage}, 2);
    EXPECT_EQ(memory.values, row.values) << "ZeRO-" << row.stage;
    EXPECT_EQ(memory.masters, row.masters) << "ZeRO-" << row.stage;
    EXPECT_EQ(memory.gradients, row.gradients) << "ZeRO-" << row.stage;
    EXPECT_EQ(memory.optimizer, row.optimizer) << "ZeRO-" << row.stage;
  }
}

TEST(PlannerStates, ShareStorageInOneType) {
  const RankMemory memory = tiny_memory({"precision.compute=fp32", "parallelism.zero_stage=1"}, 2);
  EXPECT_EQ(memory.values + memory.masters, 4 * kWhole);
  EXPECT_EQ(tiny_memory({"optimizer.name=sgd"}, 2).optimizer, 4 * kWhole);
}

TEST(PlannerStates, OfTiedEmbeddingsCountTheValueOnce) {
  const RankMemory one = tiny_memory({"model.tie_embeddings=true"}, 2);
  EXPECT_EQ(one.masters, 4 * (kWhole - kEnd));
  EXPECT_EQ(one.gradients, 4 * kWhole);
  // On two stages each end has its own.
  const RankMemory last = tiny_memory({"model.tie_embeddings=true", "parallelism.pipeline=2"}, 2, 1);
  EXPECT_EQ(last.masters, 4 * (kLayer + 128 + kEnd));
}

TEST(PlannerBuffers, AreThoseThatLiveAtThePeak) {
  // The peak is in the backward of a layer: the next one is gathered beside the weight part, when this one is released.
  const RankMemory memory = tiny_memory({"parallelism.zero_stage=3", "training.sequence_length=1024"}, 2);
  EXPECT_EQ(memory.gathered, 2 * kLayer);
  EXPECT_LE(memory.gradient_buffers, 2 * 4 * kLayer);
  EXPECT_EQ(tiny_memory({"parallelism.zero_stage=3", "parallelism.regather=never"}, 2).gathered, 0);
  EXPECT_EQ(tiny_memory({"parallelism.zero_stage=1"}, 2).gradient_buffers, 0);
}

TEST(PlannerBuffers, OfGathersOnOneHostAreKept) {
  // Two layers of 6 MiB and 4 KiB, the norm, and one buffer for embedding and head: multiples of 2 MiB.
  const PlannedStep step = tiny_step(
      {"parallelism.zero_stage=3", "model.layers=6", "model.dim=1024", "model.heads=8", "model.vocab_size=8192"}, 2);
  const RankMemory within = plan_memory(step, 0, FootprintTable{}, 2),
                   beyond = plan_memory(step, 0, FootprintTable{}, 1);
  constexpr std::int64_t kMib = 1 << 20;
  EXPECT_EQ(beyond.gather_pool, 0);
  EXPECT_GT(beyond.gathered, 0);
  EXPECT_EQ(within.gathered, 0);
  EXPECT_EQ(within.gather_pool, (2 * 8 + 2 + 16) * kMib);
  EXPECT_EQ(within.total(), within.gather_pool + within.communicators + within.states() + within.activations +
                                within.loss + within.gradient_buffers);
}

TEST(PlannerBuffers, OfGathersAreKeptOnlyWhereAllShardsAreOnOneHost) {
  // The two shards of a tensor rank are two ranks apart.
  const PlannedStep step = tiny_step({"parallelism.zero_stage=3", "parallelism.tensor=2"}, 4);
  EXPECT_EQ(plan_memory(step, 0, FootprintTable{}, 2).gather_pool, 0);
  EXPECT_GT(plan_memory(step, 0, FootprintTable{}, 4).gather_pool, 0);
}

TEST(PlannerBuffers, OfGathersAreNoneOfTheAllocators) {
  const PlannedStep step = tiny_step({"parallelism.zero_stage=3"}, 2);
  FootprintTable footprint;
  footprint.reserve_share = 0.5;
  const RankMemory memory = plan_memory(step, 0, footprint, 2);
  EXPECT_GT(memory.gather_pool, 0);
  EXPECT_NEAR(static_cast<double>(memory.reserve),
              0.5 * static_cast<double>(memory.allocator() - memory.reserve - memory.gather_pool), 1);
}

TEST(PlannerActivations, CountMessagesUnderWay) {
  // Of 64 x 128 in BF16. A middle rank sends in two directions, two messages at a time, and receives from two.
  constexpr std::int64_t kMessage = 64 * 128 * 2;
  const std::vector<std::string> long_steps = {"parallelism.pipeline=4", "model.layers=4",
                                               "training.global_batch_size=16"};
  const auto flows = [&](int rank) {
    const PlannedStep step = tiny_step(long_steps, 4);
    PlannedStep silent = step;
    std::erase_if(silent.ranks[static_cast<std::size_t>(rank)].schedule,
                  [](const parallel::UnitAction& action) { return action.op >= parallel::UnitOp::send_forward; });
    return (plan_memory(step, rank, FootprintTable{}).activations -
            plan_memory(silent, rank, FootprintTable{}).activations) /
           kMessage;
  };
  EXPECT_EQ(flows(0), 3);
  EXPECT_EQ(flows(1), 6);
  EXPECT_EQ(flows(2), 6);
  EXPECT_EQ(flows(3), 3);
  EXPECT_EQ(6, 2 * (parallel::kSendsUnderWay + 1)) << "the executor's room";
}

TEST(PlannerActivations, AreWhatTheModulesPush) {
  struct Row {
    const char* recompute;
    std::int64_t bytes;
  };
  // 64 tokens. x and the norm's output 64 x 128, qkv 64 x 256, attention's output 64 x 128, gate, up and product
  // 64 x 256 each in BF16; rstd of 64 and log-sum-exp of 2 x 64 in FP32.
  constexpr std::int64_t kX = 64 * 128 * 2, kQkv = 64 * 256 * 2, kFfn = 64 * 256 * 2, kRstd = 64 * 4, kLse = 2 * 64 * 4;
  constexpr std::int64_t kAttention = kX + kRstd + kQkv + kX + kLse;
  for (const Row& row :
       {Row{"none", kAttention + kX + kX + kRstd + kX + 3 * kFfn}, Row{"elementwise", kAttention + kX + 2 * kFfn},
        Row{"mlp", kAttention + kX}, Row{"block", kX}}) {
    const PlannedStep step = tiny_step({std::string("training.recompute=") + row.recompute}, 1);
    EXPECT_EQ(activation_bytes(UnitKind::layer, compute_shape(step)).saved, row.bytes) << row.recompute;
  }
}

TEST(PlannerTraffic, CountsGathersAndReductionsOfEachMicroBatch) {
  // Two micro-batches. Layers and the norm are gathered for forward and backward, embedding and head once.
  const PlannedStep step = tiny_step({"parallelism.zero_stage=3"}, 2);
  const parallel::Traffic traffic = plan_traffic(step, 0, false);
  const parallel::Traffic expected = {
      {{"gathers", "all_gather", "bf16"}, {2 * (1 + 2 * 2 + 2 + 1), 2 * 2 * (2 * kEnd + 2 * 2 * kLayer + 2 * kNorm)}},
      {{"data", "reduce_scatter", "fp32"}, {2 * 5, 2 * 4 * kWhole}}};
  EXPECT_EQ(traffic, expected);
}

TEST(PlannerTraffic, FollowsStageWireAndOrder) {
  using Class = parallel::TrafficClass;
  const auto bytes = [](const std::vector<std::string>& overrides, int ranks, const Class& what, bool ordered = false) {
    return plan_traffic(tiny_step(overrides, ranks), 0, ordered)[what].bytes;
  };
  EXPECT_EQ(bytes({}, 2, {"data", "all_reduce", "fp32"}), 4 * kWhole);
  EXPECT_EQ(bytes({"parallelism.zero_stage=1"}, 2, {"gathers", "all_gather", "bf16"}), 2 * kWhole);
  EXPECT_EQ(bytes({"parallelism.zero_stage=2"}, 2, {"data", "reduce_scatter", "fp32"}), 2 * 4 * kWhole);
  EXPECT_EQ(bytes({"precision.gradient_wire=bf16"}, 2, {"data", "all_to_all", "bf16"}), 2 * kWhole);
  EXPECT_EQ(bytes({"run.deterministic=true"}, 2, {"data", "all_to_all", "fp32"}), 2 * 4 * kWhole);
  EXPECT_EQ(bytes({"run.deterministic=true"}, 2, {"data", "all_reduce", "fp32"}, true), 2 * 4 * kWhole);
  EXPECT_EQ(bytes({"parallelism.data_replicate=2", "parallelism.zero_stage=2", "training.micro_batch_size=1"}, 4,
                  {"data_replicate", "all_reduce", "fp32"}),
            4 * kWhole / 2);
  // Two micro-batches over an edge, 64 tokens of 128 each.
  EXPECT_EQ(bytes({"parallelism.pipeline=2", "training.micro_batch_size=2"}, 2, {"forward_edge", "send", "bf16"}),
            2 * 2 * 64 * 128 * 2);
  EXPECT_TRUE(plan_traffic(tiny_step({}, 1), 0, false).empty());
}

TEST(PlannerMemory, FallsWithWhatSavesIt) {
  const auto total = [](const std::vector<std::string>& overrides, int ranks) {
    return tiny_memory(overrides, ranks).total();
  };
  EXPECT_LT(total({"parallelism.zero_stage=3"}, 4), total({"parallelism.zero_stage=3"}, 2));
  EXPECT_LT(total({"training.micro_batch_size=1"}, 1), total({"training.micro_batch_size=2"}, 1));
  EXPECT_LT(total({"training.sequence_length=512", "training.recompute=block"}, 1),
            total({"training.sequence_length=512", "training.recompute=mlp"}, 1));
  EXPECT_LT(total({"training.sequence_length=512", "training.recompute=mlp"}, 1),
            total({"training.sequence_length=512", "training.recompute=elementwise"}, 1));
  EXPECT_LT(total({"training.sequence_length=512", "training.recompute=elementwise"}, 1),
            total({"training.sequence_length=512"}, 1));
  const std::vector<std::string> long_steps = {"parallelism.pipeline=2", "training.global_batch_size=16",
                                               "parallelism.schedule=gpipe"};
  EXPECT_LT(total({"parallelism.pipeline=2", "training.global_batch_size=16"}, 2), total(long_steps, 2));
}

TEST(PlannerTime, FallsWithFasterMachines) {
  const PlannedStep step = tiny_step({"parallelism.pipeline=2", "parallelism.zero_stage=3"}, 4);
  const Hardware slow = load_hardware("h200");
  const double before = plan_time(step, slow).step();
  Hardware fast = slow;
  fast.compute.gemm_half_tflops *= 2;
  EXPECT_LT(plan_time(step, fast).step(), before);
  fast = slow;
  fast.network.all_gather_gb_per_second *= 0.01;
  EXPECT_GT(plan_time(step, fast).step(), before);
  EXPECT_GT(plan_time(step, slow).simulation.bubble, 0);
}

TEST(PlannerFp8, CostsMemoryForWeightsAndSavesItOfActivationsAndTime) {
  const std::vector<std::string> fp8 = {"precision.compute=fp8", "precision.fp8_smallest=1",
                                        "training.sequence_length=1024", "model.layers=12"};
  std::vector<std::string> bf16 = fp8;
  bf16[0] = "precision.compute=bf16";
  const RankMemory with = tiny_memory(fp8, 1), without = tiny_memory(bf16, 1);
  constexpr std::int64_t kMatrices = 128 * (256 + 128) + 3 * 128 * 256;  // q, k, v; out; gate, up, down
  EXPECT_EQ(with.values - without.values, 12 * 2 * kMatrices);           // both ways
  EXPECT_LT(with.activations, without.activations);
  const Hardware slow = load_hardware("h200");
  Hardware fast = slow;
  fast.compute.gemm_fp8_tensor_tflops *= 2;
  EXPECT_LT(plan_time(tiny_step(fp8, 1), fast).step(), plan_time(tiny_step(fp8, 1), slow).step());
  EXPECT_EQ(plan_time(tiny_step(bf16, 1), fast).step(), plan_time(tiny_step(bf16, 1), slow).step());
}

std::vector<std::string> recomputing(const char* level, const char* compute, const char* recipe = "tensor") {
  return {"model.dim=1024",
          "model.heads=8",
          "model.kv_heads=4",
          "model.ffn_dim=4096",
          "training.sequence_length=1024",
          std::string("training.recompute=") + level,
          std::string("precision.compute=") + compute,
          std::string("precision.fp8_recipe=") + recipe};
}

TEST(PlannerFp8, QuantizesReplayedInputsAgain) {
  const auto moved = [](const char* level, const char* compute, const char* recipe) {
    return unit_work(UnitKind::layer, compute_shape(tiny_step(recomputing(level, compute, recipe), 1)));
  };
  for (const char* recipe : {"tensor", "block"}) {
    const UnitWork bf16 = moved("none", "bf16", recipe), fp8 = moved("none", "fp8", recipe);
    const double inputs = fp8.forward.moved_bytes - bf16.forward.moved_bytes;
    EXPECT_GT(inputs, 0) << recipe;
    for (const char* level : {"elementwise", "mlp"}) {
      const double replay_bf16 =
          moved(level, "bf16", recipe).backward_input.moved_bytes - bf16.backward_input.moved_bytes;
      const double replay_fp8 = moved(level, "fp8", recipe).backward_input.moved_bytes - fp8.backward_input.moved_bytes;
      EXPECT_EQ(replay_fp8 - replay_bf16, inputs) << recipe << " " << level;
    }
  }
}

TEST(PlannerTime, RisesWithWhatIsReplayed) {
  const Hardware hardware = load_hardware("h200");
  for (const auto& [compute, recipe] : {std::pair("bf16", "tensor"), {"fp8", "tensor"}, {"fp8", "block"}}) {
    double before = 0;
    for (const char* level : {"none", "elementwise", "mlp", "block"}) {
      const double step = plan_time(tiny_step(recomputing(level, compute, recipe), 1), hardware).step();
      EXPECT_GT(step, before) << compute << " " << recipe << " " << level;
      before = step;
    }
  }
}

TEST(PlannerHardware, HasEveryNumber) {
  for (const std::string& name : hardware_names()) EXPECT_GT(load_hardware(name).network.gpus_per_node, 0) << name;
  EXPECT_THAT(hardware_names(), testing::IsSupersetOf({"h100", "h200"}));
  EXPECT_THROW(load_hardware("h900"), core::Error);
}

TEST(PlannerText, SaysWhatIsPlanned) {
  const Config config = tiny_plan_config({"parallelism.pipeline=2", "parallelism.zero_stage=3"});
  const Hardware hardware = load_hardware("h200");
  const std::string text = describe(make_plan(config, 4, hardware), hardware);
  for (const char* part : {"NVIDIA H200", "pipeline 2", "ZeRO-3", "fits", "gathers", "tokens/s per GPU", "schedule"})
    EXPECT_THAT(text, HasSubstr(part));
}

}  // namespace
}  // namespace baleen::planner
