// Bad configurations, each with everything that is said about it.

#include <gmock/gmock.h>

#include <ostream>

#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

using testing::ElementsAreArray;

struct BadConfig {
  const char* name;
  std::string text;  // [data] with train = "random" is added below where the text has none
  std::vector<std::string> problems;
  std::vector<std::string> overrides = {};
  int ranks = 1;
};

void PrintTo(const BadConfig& bad, std::ostream* out) {
  *out << bad.name;
}

class BadConfigs : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigs, AreExplainedInFull) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems(GetParam().text, GetParam().overrides, GetParam().ranks),
              ElementsAreArray(GetParam().problems));
}

const BadConfig kFiles[] = {
    {"NotToml",
     "[model\ndim = 192\n",
     {"run.toml:1:7: not valid TOML: Error while parsing table header: expected ']', saw '\\n'"}},
    {"KeyTwice",
     "[model]\ndim = 192\ndim = 256\n",
     {"run.toml:3:7: not valid TOML: Error while parsing key-value pair: cannot redefine existing integer 'dim'"}},
    {"UnclosedString",
     "[run]\nname = \"first\n",
     {"run.toml:2:14: not valid TOML: Error while parsing string: unescaped control characters other than TAB "
      "(U+0009) are explicitly prohibited"}},
    {"SectionTwice",
     "[run]\n[run]\n",
     {"run.toml:2:1: not valid TOML: Error while parsing table header: cannot redefine existing table 'run'"}},
    {"MissingBase", "extends = \"base.toml\"\n", {"run.toml:1:1: cannot read base.toml: No such file or directory"}},
    {"BaseIsNoString", "extends = 3\n", {"run.toml:1:1: extends must name a file, as in extends = \"base.toml\""}},
    {"ExtendsItself",
     "extends = \"run.toml\"\n",
     {"run.toml:1:1: extends = \"run.toml\" leads back to a file that extends this one"}},
};

const BadConfig kNames[] = {
    {"UnknownSection", "[modle]\ndim = 8\nheads = 2\n", {"run.toml:1:2: unknown section [modle]; did you mean model?"}},
    {"StrangeSection", "[fruit]\n", {"run.toml:1:2: unknown section [fruit]"}},
    {"UnknownKey",
     "[optimizer]\nlearning_rate = 1e-3\nweight_decy = 0.1\n",
     {"run.toml:2:1: unknown key optimizer.learning_rate",
      "run.toml:3:1: unknown key optimizer.weight_decy; did you mean optimizer.weight_decay?"}},
    {"KeyOfAnotherSection",
     "[optimizer]\nwarmup_steps = 10\n",
     {"run.toml:2:1: unknown key optimizer.warmup_steps; warmup_steps belongs to [lr_scheduler]"}},
    {"KeyOutsideSections", "seed = 3\n", {"run.toml:1:1: seed stands outside any section; it belongs to [run]"}},
    {"UnknownKeyOutsideSections", "fruit = 3\n", {"run.toml:1:1: unknown key fruit outside any section"}},
    {"SectionAsKey", "model = 3\n", {"run.toml:1:1: model is a section: write [model] and its keys below"}},
    {"TableAsValue", "[model.dim]\nx = 3\n", {"run.toml:1:8: model.dim must be an integer, but is a table"}},
};

const BadConfig kTypes[] = {
    {"StringForInteger",
     "[training]\nsteps = \"many\"\n",
     {"run.toml:2:1: training.steps must be an integer, but is \"many\""}},
    {"FractionForInteger",
     "[training]\nsteps = 1e3\n",
     {"run.toml:2:1: training.steps must be an integer, but is 1000.0"}},
    {"StringForNumber",
     "[optimizer]\nlr = \"3e-4\"\n",
     {"run.toml:2:1: optimizer.lr must be a number, but is \"3e-4\""}},
    {"NumberForBoolean",
     "[model]\ntie_embeddings = 1\n",
     {"run.toml:2:1: model.tie_embeddings must be true or false, but is 1"}},
    {"NumberForString", "[run]\nname = 7\n", {"run.toml:2:1: run.name must be a string, but is 7"}},
    {"DateForString", "[run]\nname = 2025-01-31\n", {"run.toml:2:1: run.name must be a string, but is a date or time"}},
    {"ThreeBetas",
     "[optimizer]\nbetas = [0.9, 0.95, 0.99]\n",
     {"run.toml:2:1: optimizer.betas must be two numbers, as in [0.9, 0.95], but is [0.9, 0.95, 0.99]"}},
    {"NotANumber", "[optimizer]\nlr = nan\n", {"run.toml:2:1: optimizer.lr must be a number, but is nan"}},
};

const BadConfig kRanges[] = {
    {"NoSteps", "[training]\nsteps = 0\n", {"run.toml:2:1: training.steps must be between 1 and 100000000, but is 0"}},
    {"NegativeRate", "[optimizer]\nlr = -1\n", {"run.toml:2:1: optimizer.lr must be greater than 0, but is -1"}},
    {"BetaOfOne",
     "[optimizer]\nbetas = [0.9, 1]\n",
     {"run.toml:2:1: optimizer.betas must be two numbers, each at least 0 and below 1, but is [0.9, 1]"}},
    {"AllDropped",
     "[model]\ndropout = 1.0\n",
     {"run.toml:2:1: model.dropout must be at least 0 and below 1, but is 1.0"}},
    {"RatioAboveOne",
     "[lr_scheduler]\nmin_lr_ratio = 1.5\n",
     {"run.toml:2:1: lr_scheduler.min_lr_ratio must be between 0 and 1, but is 1.5"}},
    {"LossScaleNoPowerOfTwo",
     "[precision]\nloss_scale_init = 1000\n",
     {"run.toml:2:1: precision.loss_scale_init must be a power of two, or 0, but is 1000"}},
    {"UnknownOptimizer",
     "[optimizer]\nname = \"adam\"\n",
     {"run.toml:2:1: optimizer.name must be one of \"adamw\", \"sgd\", but is \"adam\"; did you mean \"adamw\"?"}},
    {"UnknownFamily",
     "[model]\nfamily = \"mamba\"\n",
     {"run.toml:2:1: model.family must be \"llama\", but is \"mamba\""}},
    {"UnknownRopeScaling",
     "[model]\nrope_scaling = \"yarn\"\n",
     {"run.toml:2:1: model.rope_scaling must be one of \"none\", \"linear\", \"llama3\", but is \"yarn\""}},
    {"UnknownPrecision",
     "[precision]\ncompute = \"fp4\"\n",
     {"run.toml:2:1: precision.compute must be one of \"fp32\", \"fp64\", \"bf16\", \"fp16\", \"fp8\", but is "
      "\"fp4\"; did you mean \"fp64\"?"}},
    {"NoShards",
     "[parallelism]\ndata_shard = 0\n",
     {"run.toml:2:1: parallelism.data_shard must be greater than 0, or -1, but is 0"}},
};

const BadConfig kModels[] = {
    {"HeadsDoNotDivideDim",
     "[model]\ndim = 190\nheads = 6\n",
     {"run.toml:2:1: model.dim (190) is not a multiple of model.heads (6)"}},
    {"OddHead",
     "[model]\nheads = 64\n",
     {"run.toml:2:1: model.dim / model.heads is 3; rotary embeddings need an even number"}},
    {"KvHeadsDoNotDivideHeads",
     "[model]\nkv_heads = 4\n",
     {"run.toml:2:1: model.heads (6) is not a multiple of model.kv_heads (4)"}},
    {"SequenceLongerThanModel",
     "[training]\nsequence_length = 4096\n",
     {"run.toml:2:1: training.sequence_length (4096) is longer than model.max_sequence_length (1024)"}},
    {"RopeFactorsInverted",
     "[model]\nrope_scaling = \"llama3\"\nrope_low_freq_factor = 4\n",
     {"run.toml:3:1: model.rope_high_freq_factor (4) must be greater than model.rope_low_freq_factor (4)"}},
};

const BadConfig kRuns[] = {
    {"DegreesDoNotMakeRanks",
     "[parallelism]\ndata_shard = 3\n",
     {"run.toml:2:1: tensor 1 x pipeline 1 x data_replicate 1 x data_shard 3 = 3 does not make 4 ranks; nearest "
      "legal: "
      "parallelism.data_shard=4, or parallelism.data_shard=2 parallelism.data_replicate=2, or parallelism.pipeline=2 "
      "parallelism.data_shard=2"},
     {},
     4},
    {"ReplicasDoNotDivideRanks",
     "[parallelism]\ndata_replicate = 3\n",
     {"run.toml:2:1: tensor 1 x pipeline 1 x data_replicate 3 = 3 does not divide 4 ranks; nearest legal: "
      "parallelism.data_replicate=4, or parallelism.data_replicate=2, or parallelism.data_replicate=1"},
     {},
     4},
    {"StageLayersOfAnotherMesh",
     "[parallelism]\npipeline = 4\nstage_layers = [1, 1, 1, 1]\n",
     {"run.toml:2:1: tensor 1 x pipeline 4 x data_replicate 1 = 4 does not divide 2 ranks; nearest legal: "
      "parallelism.pipeline=2 parallelism.stage_layers=[], or parallelism.pipeline=1 parallelism.stage_layers=[], or "
      "parallelism.pipeline=1 parallelism.data_replicate=2 parallelism.stage_layers=[]"},
     {},
     2},
    {"HeadsDoNotSplit",
     "[parallelism]\ntensor = 4\n",
     {"run.toml:2:1: model.heads (6) is not a multiple of parallelism.tensor (4); the nearest that fit this model: "
      "parallelism.tensor = 2",
      "run.toml:2:1: model.kv_heads (6) and parallelism.tensor (4): neither is a multiple of the other; the nearest "
      "that "
      "fit this model: parallelism.tensor = 2"},
     {},
     4},
    {"DegreesBeyondReason",
     "[parallelism]\ntensor = 65536\n",
     {"run.toml:2:1: parallelism.tensor must be between 1 and 65535, but is 65536"}},
    {"WireNarrowerThanTheRun",
     "[precision]\ncompute = \"fp64\"\ngradient_wire = \"bf16\"\n",
     {"run.toml:3:1: precision.gradient_wire \"bf16\" would round the gradients of precision.compute \"fp64\""}},
    {"FewerLayersThanStages",
     "[parallelism]\npipeline = 8\n",
     {"run.toml:2:1: model.layers = 4 do not fill 8 stages (parallelism.pipeline x virtual_stages): each needs a "
      "layer; nearest legal: parallelism.pipeline=4, or parallelism.pipeline=2, or parallelism.pipeline=4 "
      "parallelism.data_replicate=2"},
     {},
     8},
    {"StageLayersDoNotAddUp",
     "[parallelism]\npipeline = 2\nstage_layers = [3, 2]\n",
     {"run.toml:3:1: parallelism.stage_layers = [3, 2] makes 5 layers, but model.layers = 4"},
     {},
     2},
    {"VirtualStagesNeedInterleaving",
     "[parallelism]\npipeline = 2\nvirtual_stages = 2\n",
     {"run.toml:3:1: parallelism.virtual_stages is 2, but the schedule \"1f1b\" gives each rank one stage; use "
      "\"interleaved\""},
     {},
     2},
    {"StageLayersAreNumbers",
     "[parallelism]\nstage_layers = [1, \"two\"]\nregather = \"often\"\n",
     {"run.toml:2:1: parallelism.stage_layers must be a list of integers, as in [2, 2], but is [1, \"two\"]",
      "run.toml:3:1: parallelism.regather must be one of \"micro_batch\", \"step\", \"never\", but is \"often\""}},
    {"BackendDoesNotFitDevice",
     "[parallelism]\nbackend = \"nccl\"\n[launch]\ndevice = \"cpu\"\n",
     {"run.toml:2:1: parallelism.backend \"nccl\" does not carry tensors of launch.device \"cpu\"; use \"auto\""}},
    {"WarmupLongerThanTraining",
     "[lr_scheduler]\nwarmup_steps = 101\n",
     {"run.toml:2:1: lr_scheduler.warmup_steps (101) is more than training.steps (100); the most that fits: "
      "lr_scheduler.warmup_steps=100"}},
    {"DecayLongerThanTraining",
     "[lr_scheduler]\nname = \"wsd\"\nwarmup_steps = 60\ndecay_steps = 50\n",
     {"run.toml:3:1: lr_scheduler.warmup_steps (60) + decay_steps (50) = 110, more than training.steps (100); the most "
      "that fits: lr_scheduler.decay_steps=40"}},
    {"UnsetDecayLeavesNoRoomForTheWarmup",
     "[lr_scheduler]\nname = \"wsd\"\nwarmup_steps = 91\n",
     {"run.toml:3:1: lr_scheduler.warmup_steps (91) + decay_steps (10, unset: a tenth of the training) = 101, more "
      "than training.steps (100); the most that fits: lr_scheduler.decay_steps=9"}},
    {"WarmupOfLinearLongerThanTraining",
     "[lr_scheduler]\nname = \"linear\"\nwarmup_steps = 3\n[training]\nsteps = 2\n",
     {"run.toml:3:1: lr_scheduler.warmup_steps (3) is more than training.steps (2); the most that fits: "
      "lr_scheduler.warmup_steps=2"}},
    {"LossScaleBelowItsMinimum",
     "[precision]\nloss_scale_init = 1\nloss_scale_min = 2\n",
     {"run.toml:3:1: precision.loss_scale_min (2) is greater than the first loss scale (1)"}},
    {"LossScaleOfTheBatchBelowItsMinimum",
     "[precision]\nloss_scale_min = 262144\n[training]\nglobal_batch_size = 512\n",
     {"run.toml:2:1: precision.loss_scale_min (262144) is greater than the first loss scale (131072)"}},
    {"NameWithSlash",
     "[run]\nname = \"a/b\"\n",
     {"run.toml:2:1: run.name is \"a/b\": it names a folder inside run.dir and has no slash"}},
    {"ValidationWithoutData",
     "[training]\nvalidate_every = 10\n",
     {"run.toml:2:1: training.validate_every is 10, but data.validation is empty; "
      "training.validate_every=0 turns it off"}},
};

const BadConfig kDatasets[] = {
    {"NoDataset",
     "[data]\n",
     {"data.train is not set: name a dataset made by `baleen data tokenize`, or \"random\" for measuring"}},
    {"DatasetIsNone",
     "[data]\ntrain = \"FOLDER/noise.h5\"\n",
     {"run.toml:2:1: data.train: noise.h5 is not an HDF5 file; expected a dataset file"}},
    {"VocabularySmallerThanDataset",
     "[data]\ntrain = \"FOLDER/tokens.h5\"\n[model]\nvocab_size = 256\n",
     {"run.toml:4:1: model.vocab_size (256) is smaller than the vocabulary of tokens.h5 (257)"}},
    {"DatasetShorterThanASequence",
     "[data]\ntrain = \"FOLDER/tokens.h5\"\n[training]\nsequence_length = 1000\n",
     {"run.toml:4:1: tokens.h5 has 201 tokens, not one sequence of training.sequence_length (1000) and its last "
      "target"}},
};

const BadConfig kOverrides[] = {
    {"OverrideWithoutValue", "", {"override training.steps: must have the form section.key=VALUE"}, {"training.steps"}},
    {"OverrideWithoutSection", "", {"override steps=3: must have the form section.key=VALUE"}, {"steps=3"}},
    {"OverrideNotToml",
     "",
     {"override optimizer.betas=[0.9, 0.95: [0.9, 0.95 is not a TOML value"},
     {"optimizer.betas=[0.9, 0.95"}},
    {"OverrideOfUnknownKey",
     "",
     {"override training.step=3: unknown key training.step; did you mean training.steps?"},
     {"training.step=3"}},
    {"OverrideOutOfRange",
     "",
     {"override training.steps=-3: training.steps must be between 1 and 100000000, but is -3"},
     {"training.steps=-3"}},
    {"EverythingAtOnce",
     "extra = 1\n[model]\ndim = \"wide\"\nheads = 5\nkv_head = 2\n[training]\nsteps = 0\nglobal_batch_size = 7\n",
     {"run.toml:1:1: unknown key extra outside any section",
      "run.toml:3:1: model.dim must be an integer, but is \"wide\"",
      "run.toml:5:1: unknown key model.kv_head; did you mean model.kv_heads?",
      "run.toml:7:1: training.steps must be between 1 and 100000000, but is 0",
      "override precision.compute=bf61: precision.compute must be one of \"fp32\", \"fp64\", \"bf16\", \"fp16\", "
      "\"fp8\", but "
      "is "
      "\"bf61\"; did you mean \"bf16\"?",
      "run.toml:8:1: training.global_batch_size (7) is not a multiple of 2 data ranks x training.micro_batch_size "
      "(4) = 8; the nearest that fit: training.global_batch_size=8"},
     {"precision.compute=bf61"},
     2},
};

std::string name_of(const testing::TestParamInfo<BadConfig>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Files, BadConfigs, testing::ValuesIn(kFiles), name_of);
INSTANTIATE_TEST_SUITE_P(Names, BadConfigs, testing::ValuesIn(kNames), name_of);
INSTANTIATE_TEST_SUITE_P(Types, BadConfigs, testing::ValuesIn(kTypes), name_of);
INSTANTIATE_TEST_SUITE_P(Ranges, BadConfigs, testing::ValuesIn(kRanges), name_of);
INSTANTIATE_TEST_SUITE_P(Models, BadConfigs, testing::ValuesIn(kModels), name_of);
INSTANTIATE_TEST_SUITE_P(Runs, BadConfigs, testing::ValuesIn(kRuns), name_of);
INSTANTIATE_TEST_SUITE_P(Datasets, BadConfigs, testing::ValuesIn(kDatasets), name_of);
INSTANTIATE_TEST_SUITE_P(Overrides, BadConfigs, testing::ValuesIn(kOverrides), name_of);

}  // namespace
}  // namespace baleen::trainer
