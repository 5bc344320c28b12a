// Rank files are plain HDF5: a reader that knows nothing of Baleen sees numbers, shapes and attributes.

#include <gtest/gtest.h>
#include <hdf5.h>

#include <cstring>

#include "checkpoint/writer.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

std::vector<std::byte> bytes_of(const auto& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

std::vector<float> read_floats(hid_t file, const char* dataset, std::size_t count) {
  std::vector<float> values(count);
  const hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
  EXPECT_GE(id, 0) << dataset;
  EXPECT_GE(H5Dread(id, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(id);
  return values;
}

TEST(Hdf5Type, HalfTypesConvertToTheirValues) {
  const TemporaryDirectory directory;
  const std::vector<float> expected = {1.0f, -2.5f, 0.15625f, 65280.0f, 0.0f};
  const std::vector<std::uint16_t> bf16 = {0x3F80, 0xC020, 0x3E20, 0x477F, 0x0000};
  const std::vector<std::uint16_t> f16 = {0x3C00, 0xC100, 0x3100, 0x7BF8, 0x0000};
  {
    RankFileWriter writer(directory.path(), 0);
    const std::vector<std::int64_t> shape = {5};
    writer.write({"t", "bf16", core::DType::bf16, shape, whole(shape)}, bytes_of(bf16));
    writer.write({"t", "f16", core::DType::f16, shape, whole(shape)}, bytes_of(f16));
    writer.finish();
  }
  const hid_t file = H5Fopen((directory.path() / "rank-00000.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  EXPECT_EQ(read_floats(file, "/bf16/t/0", 5), expected);
  EXPECT_EQ(read_floats(file, "/f16/t/0", 5), expected);
  H5Fclose(file);
}

TEST(Hdf5Type, ADatasetSaysWhichBoxItIs) {
  const TemporaryDirectory directory;
  const TensorBox box{"q.weight", "exp_avg", core::DType::f32, {24, 24}, {{3, 6}, {2, 5}}};
  {
    RankFileWriter writer(directory.path(), 0);
    writer.write(box, toy_bytes(box, 1));
    writer.finish();
  }
  const hid_t file = H5Fopen((directory.path() / "rank-00000.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t dataset = H5Dopen2(file, "/exp_avg/q.weight/0", H5P_DEFAULT);
  ASSERT_GE(dataset, 0);
  const hid_t plist = H5Dget_create_plist(dataset);
  EXPECT_EQ(H5Pget_layout(plist), H5D_CONTIGUOUS);
  for (const auto& [name, expected] : {std::pair{"shape", box.shape}, std::pair{"offsets", box.box.offsets}}) {
    std::vector<std::int64_t> values(2);
    const hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
    ASSERT_GE(attribute, 0);
    EXPECT_GE(H5Aread(attribute, H5T_NATIVE_INT64, values.data()), 0);
    EXPECT_EQ(values, expected) << name;
    H5Aclose(attribute);
  }
  EXPECT_EQ(read_floats(file, "/exp_avg/q.weight/0", 10).size(), 10u);
  H5Pclose(plist);
  H5Dclose(dataset);
  H5Fclose(file);
}

}  // namespace
}  // namespace baleen::checkpoint
