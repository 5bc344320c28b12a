#include "checkpoint/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <thread>

#include "checkpoint/directory.h"
#include "core/error.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

TEST(Reader, ReadsBackWhatAnyNumberOfRanksSaved) {
  for (const int world : {1, 2, 3, 5, 9}) {
    const TemporaryDirectory run;
    expect_toy(save_toy(run.path(), 1000, world), 1000);
  }
}

TEST(Reader, PutsTogetherAnyBoxFromTheBoxesThatWereSaved) {
  const TemporaryDirectory run;
  const CheckpointReader reader = CheckpointReader::open(save_toy(run.path(), 1000, 4));
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const TensorEntry& tensor = reader.manifest().tensors[random() % reader.manifest().tensors.size()];
    Box box;
    for (const std::int64_t length : tensor.shape) {
      box.offsets.push_back(random() % length);
      box.lengths.push_back(random() % (length - box.offsets.back() + 1));
    }
    const TensorBox asked{tensor.name, tensor.kind, tensor.dtype, tensor.shape, box};
    std::vector<std::byte> got(static_cast<std::size_t>(asked.bytes()));
    reader.read(tensor.name, tensor.kind, box, got);
    ASSERT_EQ(got, toy_bytes(asked, 1000)) << tensor.name << str(box);
  }
}

TEST(Reader, ManyThreadsMayRead) {
  const TemporaryDirectory run;
  const CheckpointReader reader = CheckpointReader::open(save_toy(run.path(), 1000, 4));
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int& count : wrong)
    threads.emplace_back([&reader, &count] {
      for (const TensorEntry& tensor : reader.manifest().tensors) {
        const TensorBox all{tensor.name, tensor.kind, tensor.dtype, tensor.shape, whole(tensor.shape)};
        std::vector<std::byte> got(static_cast<std::size_t>(all.bytes()));
        reader.read(tensor.name, tensor.kind, all.box, got);
        count += got != toy_bytes(all, 1000);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(Reader, EveryDtypeAndAScalarComeBackBitForBit) {
  using core::DType;
  const TemporaryDirectory run;
  CheckpointSave save(run.path(), 5, 1);
  save.prepare();
  const std::vector<DType> dtypes = {DType::f64, DType::f32, DType::bf16, DType::f16, DType::f8_e4m3, DType::f8_e5m2,
                                     DType::i64, DType::i32, DType::u32,  DType::u16, DType::u8};
  std::mt19937 random(3);
  std::vector<std::vector<std::byte>> saved;
  RankFileWriter writer(save.directory(), 0);
  for (std::size_t i = 0; i < dtypes.size(); ++i)
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, std::vector<std::int64_t>{3, 5, 7}}) {
      const TensorBox box{"t" + std::to_string(i) + "." + std::to_string(shape.size()), "parameter", dtypes[i], shape,
                          whole(shape)};
      saved.emplace_back(static_cast<std::size_t>(box.bytes()));
      for (std::byte& byte : saved.back()) byte = static_cast<std::byte>(random());
      writer.write(box, saved.back());
    }
  writer.finish();
  EXPECT_TRUE(save.commit(toy_manifest(5, 1), "", 0).empty());

  const CheckpointReader reader = CheckpointReader::open(save.final_directory());
  EXPECT_TRUE(reader.verify([](std::int64_t) {}).empty());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    const std::string name = "t" + std::to_string(i / 2) + (i % 2 == 0 ? ".0" : ".3");
    const TensorEntry* entry = reader.find(name, "parameter");
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->dtype, dtypes[i / 2]);
    std::vector<std::byte> got(saved[i].size());
    reader.read(name, "parameter", whole(entry->shape), got);
    EXPECT_EQ(got, saved[i]) << name;
  }
}

TEST(Reader, TensorsOfSeveralFullBlocksAreReadWhole) {
  const TemporaryDirectory run;
  CheckpointSave save(run.path(), 1, 1);
  save.prepare();
  const std::vector<std::int64_t> shape = {901, 1000};  // 3.4 blocks of a mebibyte
  const TensorBox box{"large", "parameter", core::DType::f32, shape, whole(shape)};
  RankFileWriter writer(save.directory(), 0, std::int64_t{1} << 20);
  writer.write(box, toy_bytes(box, 1));
  EXPECT_EQ(writer.bytes(), 901 * 1000 * 4);
  writer.finish();
  EXPECT_TRUE(save.commit(toy_manifest(1, 1), "", 0).empty());
  const CheckpointReader reader = CheckpointReader::open(save.final_directory());
  for (const Box& part : {box.box, Box{{100, 0}, {700, 1000}}, Box{{260, 17}, {10, 3}}}) {
    const TensorBox asked{"large", "parameter", core::DType::f32, shape, part};
    std::vector<std::byte> got(static_cast<std::size_t>(asked.bytes()));
    reader.read("large", "parameter", part, got);
    EXPECT_EQ(got, toy_bytes(asked, 1)) << str(part);
  }
}

TEST(Reader, TrainerStateComesBackBitForBit) {
  const TemporaryDirectory run;
  Manifest manifest = toy_manifest(7, 1);
  const std::vector<double> numbers = {65536.0,
                                       0.1,
                                       1.0 / 3.0,
                                       -0.0,
                                       5e-324,
                                       std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity(),
                                       3.0};
  for (std::size_t i = 0; i < numbers.size(); ++i) manifest.trainer.set("number" + std::to_string(i), numbers[i]);
  manifest.trainer.set("nan", std::nan(""));
  manifest.trainer.set("large", std::numeric_limits<std::int64_t>::max());
  manifest.trainer.set("text", std::string("\"quoted\" ä\n"));
  const Manifest back = manifest_from_json(to_json(manifest), "manifest.json");
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double number = back.trainer.number("number" + std::to_string(i));
    EXPECT_EQ(std::memcmp(&number, &numbers[i], sizeof(double)), 0) << numbers[i];
  }
  EXPECT_TRUE(std::isnan(back.trainer.number("nan")));
  EXPECT_EQ(back.trainer.integer("large"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(back.trainer.text("text"), "\"quoted\" ä\n");
  EXPECT_EQ(back.versions, manifest.versions);
  EXPECT_EQ(back.optimizer_step, 6);
  EXPECT_THAT(error_of(41, [&] { back.trainer.integer("none"); }), HasSubstr("no integer none"));
  EXPECT_THAT(error_of(41, [&] { back.trainer.number("large"); }), HasSubstr("no number large"));
}

TEST(Reader, ATensorThatWasNotSavedIsNamed) {
  const TemporaryDirectory run;
  const CheckpointReader reader = CheckpointReader::open(save_toy(run.path(), 3));
  EXPECT_EQ(reader.find("q.weight", "momentum"), nullptr);
  EXPECT_THAT(error_of(2, [&] { reader.read("q.weight", "momentum", {}, {}); }),
              HasSubstr("holds no momentum of q.weight"));
}

TEST(Reader, ConfigTravelsWithTheCheckpoint) {
  const TemporaryDirectory run;
  EXPECT_EQ(CheckpointReader::open(save_toy(run.path(), 3)).config(), "[run]\n");
}

}  // namespace
}  // namespace baleen::checkpoint
