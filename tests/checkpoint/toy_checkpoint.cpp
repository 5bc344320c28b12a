#include "tests/checkpoint/toy_checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "checkpoint/reader.h"
#include "core/error.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

/// Small enough that the toy's tensors have several blocks.
constexpr std::int64_t kToyBlockBytes = 100;

float toy_value(const std::string& tensor, const std::string& kind, std::int64_t step, std::int64_t index) {
  const std::size_t name = std::hash<std::string>{}(tensor + "/" + kind) % 1000;
  return static_cast<float>(static_cast<std::int64_t>(name) * 10000 + step % 7 * 1000 + index);
}

}  // namespace

TemporaryDirectory::TemporaryDirectory()
    : TemporaryFolder(::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm") : fs::temp_directory_path()) {}

parallel::UnitSpec toy_unit() {
  using parallel::ParameterSpec;
  const auto spec = [](const char* name, std::vector<std::int64_t> shape) {
    ParameterSpec parameter;
    parameter.name = name;
    parameter.shape = std::move(shape);
    return parameter;
  };
  parallel::UnitSpec unit{"toy",
                          {spec("embed.weight", {10, 24}), spec("norm.weight", {24}), spec("q.weight", {24, 24}),
                           spec("k.weight", {8, 24}), spec("v.weight", {8, 24})}};
  unit.parameters[0].row_multiple = 16;
  unit.parameters[3].fused_with_previous = true;
  unit.parameters[4].fused_with_previous = true;
  return unit;
}

std::vector<std::byte> toy_bytes(const TensorBox& box, std::int64_t step) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(box.box.elements()) * sizeof(float));
  for (std::int64_t i = 0; i < box.box.elements(); ++i) {
    std::int64_t rest = i;
    std::int64_t index = 0;
    std::int64_t stride = 1;
    for (std::size_t d = box.shape.size(); d-- > 0;) {
      index += (box.box.offsets[d] + rest % box.box.lengths[d]) * stride;
      rest /= box.box.lengths[d];
      stride *= box.shape[d];
    }
    const float value = toy_value(box.tensor, box.kind, step, index);
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof(float), &value, sizeof(float));
  }
  return bytes;
}

void write_toy_rank(const fs::path& directory, int rank, int world, std::int64_t step) {
  const parallel::UnitSpec unit = toy_unit();
  const parallel::UnitLayout layout = parallel::layout_unit(unit, 1, 0, 1);
  const FlatRange part = part_of_range({0, layout.elements}, rank, world);
  RankFileWriter writer(directory, rank, kToyBlockBytes);
  for (const char* kind : {"parameter", "exp_avg"})
    for (const PlacedBox& placed : boxes_of_range(unit, layout, part.begin, part.end)) {
      const TensorBox box = placed.tensor_box(kind, core::DType::f32);
      writer.write(box, toy_bytes(box, step));
    }
  writer.finish();
}

Manifest toy_manifest(std::int64_t step, int world) {
  Manifest manifest;
  manifest.step = step;
  manifest.optimizer_step = step - 1;
  manifest.world_size = world;
  manifest.mesh = "shard " + std::to_string(world);
  manifest.versions = {{"baleen", "0.1.0"}};
  manifest.trainer.set("sampler.position", step * 8);
  return manifest;
}

fs::path save_toy(const fs::path& run_dir, std::int64_t step, int world, int keep) {
  static std::uint64_t id = 0;
  CheckpointSave save(run_dir, step, ++id);
  save.prepare();
  for (int rank = 0; rank < world; ++rank) write_toy_rank(save.directory(), rank, world, step);
  const std::vector<std::string> notes = save.commit(toy_manifest(step, world), "[run]\n", keep);
  EXPECT_TRUE(notes.empty()) << notes.front();
  return save.final_directory();
}

void expect_toy(const fs::path& checkpoint, std::int64_t step) {
  const CheckpointReader reader = CheckpointReader::open(checkpoint);
  EXPECT_EQ(reader.manifest().step, step);
  EXPECT_EQ(reader.manifest().tensors.size(), 2 * toy_unit().parameters.size());
  for (const TensorEntry& tensor : reader.manifest().tensors) {
    const TensorBox all{tensor.name, tensor.kind, tensor.dtype, tensor.shape, whole(tensor.shape)};
    std::vector<std::byte> got(static_cast<std::size_t>(all.bytes()));
    reader.read(tensor.name, tensor.kind, all.box, got);
    EXPECT_EQ(got, toy_bytes(all, step)) << tensor.kind << " " << tensor.name;
  }
}

void flip_byte(const fs::path& file, std::int64_t offset, unsigned char mask) {
  if (offset < 0) offset += static_cast<std::int64_t>(fs::file_size(file));
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(offset);
  const char byte = static_cast<char>(stream.get() ^ mask);
  stream.seekp(offset);
  stream.put(byte);
  ASSERT_TRUE(stream.good());
}

void replace_text(const fs::path& file, const std::string& from, const std::string& to) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  std::string changed = text.str();
  const std::size_t at = changed.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  std::ofstream(file) << changed.replace(at, from.size(), to);
}

std::string error_of(int code, const std::function<void()>& work) {
  try {
    work();
  } catch (const core::Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), code) << error.what();
    return error.what() + std::string(" | ") + error.next_action();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace baleen::checkpoint
