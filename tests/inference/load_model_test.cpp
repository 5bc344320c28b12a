#include "inference/load_model.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "checkpoint/commit.h"
#include "checkpoint/unit_tensors.h"
#include "core/error.h"
#include "tests/inference/small_model.h"
#include "tests/support/temporary_folder.h"

namespace baleen::inference {
namespace {

namespace fs = std::filesystem;

class LoadModel : public ::testing::Test {
 protected:
  fs::path save(const models::TransformerStage& stage) {
    checkpoint::CheckpointSave save(run_.path(), 1, 1);
    save.prepare();
    checkpoint::RankFileWriter writer(save.directory(), 0);
    for (const parallel::Unit* unit : stage.trained_units()) {
      checkpoint::write_unit_tensor(writer, *unit, checkpoint::kParameterKind, unit->master(),
                                    {0, unit->layout().elements});
    }
    writer.finish();
    checkpoint::Manifest manifest;
    manifest.step = 1;
    EXPECT_TRUE(save.commit(std::move(manifest), "", 0).empty());
    return save.final_directory();
  }

  tests::TemporaryFolder run_;
};

TEST_F(LoadModel, BringsBackEveryParameterInAnyComputeType) {
  models::ModelConfig config = tests::small_config();
  for (const bool tied : {false, true}) {
    config.tie_embeddings = tied;
    config.layers = tied ? 2 : 3;
    fs::remove_all(run_ / "checkpoints");
    const auto saved = tests::small_model(at::kFloat, config);
    const auto reader = checkpoint::CheckpointReader::open(save(*saved));
    for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16}) {
      const parallel::UnitOptions options{type, type == at::kDouble ? at::kDouble : at::kFloat, at::kCPU};
      models::TransformerStage loaded(config, options, {});
      load_model(reader, loaded);
      const auto expected = saved->trained_units(), actual = loaded.trained_units();
      ASSERT_EQ(actual.size(), expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        EXPECT_TRUE(actual[i]->values().equal(expected[i]->master().to(type))) << actual[i]->spec().name;
      }
    }
  }
}

TEST_F(LoadModel, RefusesACheckpointOfAnotherShape) {
  models::ModelConfig config = tests::small_config();
  const auto reader = checkpoint::CheckpointReader::open(save(*tests::small_model(at::kFloat, config)));
  config.ffn_dim = 72;
  models::TransformerStage other(config, {}, {});
  try {
    load_model(reader, other);
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
  }
}

}  // namespace
}  // namespace baleen::inference
