#pragma once
// A small model's state without a model: each element is a function of tensor, kind, step and global index, so that any
// box that is read can be compared.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/commit.h"
#include "checkpoint/tensor_box.h"
#include "checkpoint/writer.h"
#include "parallel/unit_layout.h"
#include "tests/support/temporary_folder.h"

namespace baleen::checkpoint {

/// In memory where there is such a place: on a busy disk the tests would mostly wait for fsync.
class TemporaryDirectory : public tests::TemporaryFolder {
 public:
  TemporaryDirectory();
};

/// A padded embedding [10, 24] in 16 rows, a norm [24], and fused q [24, 24], k and v [8, 24].
parallel::UnitSpec toy_unit();

/// What the box holds, as bytes of fp32.
std::vector<std::byte> toy_bytes(const TensorBox& box, std::int64_t step);

/// Writes one rank's file: its part of "parameter" and "exp_avg" of toy_unit().
void write_toy_rank(const std::filesystem::path& directory, int rank, int world, std::int64_t step);

Manifest toy_manifest(std::int64_t step, int world);

/// All phases of a save by `world` ranks, one after another. Returns the checkpoint.
std::filesystem::path save_toy(const std::filesystem::path& run_dir, std::int64_t step, int world = 3, int keep = 0);

/// Reads all of every tensor and expects what save_toy wrote.
void expect_toy(const std::filesystem::path& checkpoint, std::int64_t step);

/// Adds `mask` to one byte of a file (exclusive or); offset < 0 counts from the end.
void flip_byte(const std::filesystem::path& file, std::int64_t offset, unsigned char mask = 0x10);
void replace_text(const std::filesystem::path& file, const std::string& from, const std::string& to);

/// Runs `work`, which must throw a core::Error with `code`; returns "message | next action".
std::string error_of(int code, const std::function<void()>& work);

}  // namespace baleen::checkpoint
