#include "checkpoint/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "checkpoint/durable.h"
#include "checkpoint/hdf5_file.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace {

void check_names(const TensorBox& box) {
  for (const std::string& name : {box.tensor, box.kind})
    core::require(!name.empty() && name != "." && name.find('/') == std::string::npos,
                  "names of tensors and kinds are HDF5 names");
}

std::vector<core::Digest> block_digests(std::span<const std::byte> data, std::int64_t block_bytes) {
  std::vector<core::Digest> digests;
  const auto block = static_cast<std::size_t>(block_bytes);
  for (std::size_t at = 0; at < data.size(); at += block)
    digests.push_back(core::digest_of(data.subspan(at, std::min(block, data.size() - at))));
  return digests;
}

}  // namespace

class RankFileWriter::File {
 public:
  File(std::filesystem::path path, std::int64_t block_bytes) : path_(std::move(path)) {
    table_.block_bytes = block_bytes;
    reporting("create", [&] { hdf5_.emplace(Hdf5File::create(path_)); });
  }

  void write(const TensorBox& box, std::span<const std::byte> data) {
    core::require(hdf5_.has_value(), "a finished rank file is not written to");
    core::require(contains(box.shape, box.box), "a saved box lies inside its tensor");
    core::require(static_cast<std::int64_t>(data.size()) == box.bytes(), "a saved box comes with all its bytes");
    check_names(box);
    if (data.empty()) return;
    const std::string group = fmt::format("/{}/{}", box.kind, box.tensor);
    StoredPiece piece{box, fmt::format("{}/{}", group, boxes_of_[group]++), 0, block_digests(data, table_.block_bytes)};
    const Hdf5File::NewDataset dataset{
        piece.dataset, box.dtype, box.box.lengths, {{"shape", box.shape}, {"offsets", box.box.offsets}}};
    reporting("write", [&] { piece.file_offset = hdf5_->write(dataset, data); });
    bytes_ += box.bytes();
    table_.pieces.push_back(std::move(piece));
  }

  void finish() {
    core::require(hdf5_.has_value(), "a rank file is finished once");
    const std::string text = to_json(table_);
    reporting("write", [&] {
      hdf5_->write({"table", core::DType::u8, {static_cast<std::int64_t>(text.size())}, {}},
                   std::as_bytes(std::span(text)));
      hdf5_->close();
    });
    hdf5_.reset();
    sync_file(path_);
  }

  std::int64_t bytes() const { return bytes_; }

 private:
  void reporting(const char* what, const auto& work) {
    try {
      work();
    } catch (const Hdf5Failure& failure) {
      if (failure.error_number() != 0) throw core::storage_error(what, path_, failure.error_number());
      throw core::Error(core::ExitCode::storage, fmt::format("cannot {} {}: {}", what, path_.string(), failure.what()),
                        "check the file system");
    }
  }

  std::filesystem::path path_;
  std::optional<Hdf5File> hdf5_;
  RankTable table_;
  std::map<std::string, int> boxes_of_;  // boxes so far in each group
  std::int64_t bytes_ = 0;
};

RankFileWriter::RankFileWriter(const std::filesystem::path& directory, int rank, std::int64_t block_bytes)
    : file_(std::make_unique<File>(directory / rank_file_name(rank), block_bytes)) {}

RankFileWriter::~RankFileWriter() = default;

void RankFileWriter::write(const TensorBox& box, std::span<const std::byte> data) {
  file_->write(box, data);
}

std::int64_t RankFileWriter::bytes() const {
  return file_->bytes();
}

void RankFileWriter::finish() {
  file_->finish();
}

}  // namespace baleen::checkpoint
