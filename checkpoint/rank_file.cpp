#include "checkpoint/rank_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "checkpoint/hdf5_file.h"
#include "core/error.h"
#include "core/json_fault.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

core::Error corrupt(const fs::path& path, const std::string& what) {
  return {core::ExitCode::corrupt_checkpoint, fmt::format("{}: {}", path.string(), what)};
}

json piece_to_json(const StoredPiece& piece) {
  json digests = json::array();
  for (const core::Digest& block : piece.blocks) digests.push_back(block.hex());
  const TensorBox& box = piece.box;
  return {{"tensor", box.tensor},
          {"kind", box.kind},
          {"dtype", core::dtype_name(box.dtype)},
          {"shape", box.shape},
          {"offsets", box.box.offsets},
          {"lengths", box.box.lengths},
          {"dataset", piece.dataset},
          {"file_offset", piece.file_offset},
          {"blocks", std::move(digests)}};
}

StoredPiece piece_from_json(const json& value, std::int64_t block_bytes) {
  StoredPiece piece;
  const auto dtype = core::dtype_from_name(value.at("dtype").get<std::string>());
  if (!dtype) throw std::runtime_error("unknown dtype " + value.at("dtype").dump());
  piece.box = {
      value.at("tensor"), value.at("kind"), *dtype, value.at("shape"), {value.at("offsets"), value.at("lengths")}};
  piece.dataset = value.at("dataset");
  piece.file_offset = value.at("file_offset");
  for (const json& block : value.at("blocks")) {
    const auto digest = core::Digest::from_hex(block.get<std::string>());
    if (!digest) throw std::runtime_error("a digest that is not 32 hexadecimal digits");
    piece.blocks.push_back(*digest);
  }
  if (!contains(piece.box.shape, piece.box.box) || piece.file_offset < 0)
    throw std::runtime_error("a box outside its tensor: " + piece.dataset);
  const std::int64_t blocks = (piece.box.bytes() + block_bytes - 1) / block_bytes;
  if (static_cast<std::int64_t>(piece.blocks.size()) != blocks)
    throw std::runtime_error(fmt::format("{} digests for {} blocks of {}", piece.blocks.size(), blocks, piece.dataset));
  return piece;
}

}  // namespace

std::string rank_file_name(int rank) {
  return fmt::format("rank-{:05d}.h5", rank);
}

std::string to_json(const RankTable& table) {
  json pieces = json::array();
  for (const StoredPiece& piece : table.pieces) pieces.push_back(piece_to_json(piece));
  return json{{"block_bytes", table.block_bytes}, {"pieces", std::move(pieces)}}.dump();
}

RankTable rank_table_from_json(std::string_view text, const fs::path& path) {
  try {
    const json value = json::parse(text);
    RankTable table;
    table.block_bytes = value.at("block_bytes");
    if (table.block_bytes <= 0) throw std::runtime_error("blocks without a length");
    for (const json& piece : value.at("pieces")) table.pieces.push_back(piece_from_json(piece, table.block_bytes));
    return table;
  } catch (const std::exception& error) {
    throw corrupt(path, fmt::format("its table cannot be read: {}", core::json_fault(error, text)));
  }
}

LoadedTable read_rank_table(const fs::path& path, const core::Digest* expected) {
  std::string text;
  try {
    text = Hdf5File::open(path).read_text("table");
  } catch (const Hdf5Failure& failure) {
    throw corrupt(path, fmt::format("not a whole rank file of a checkpoint ({})", failure.what()));
  }
  const core::Digest digest = core::digest_of(text);
  if (expected != nullptr && digest != *expected)
    throw corrupt(path,
                  fmt::format("its table has the digest {}, the manifest expects {}", digest.hex(), expected->hex()));
  return {rank_table_from_json(text, path), digest};
}

void check_datasets(const fs::path& path, const RankTable& table) {
  try {
    const Hdf5File file = Hdf5File::open(path);
    for (const StoredPiece& piece : table.pieces) {
      const Hdf5File::Place place = file.place_of(piece.dataset);
      if (place.offset != piece.file_offset || place.bytes != piece.box.bytes())
        throw corrupt(path,
                      fmt::format("dataset {} lies at {} with {} bytes, the table expects {} with {}", piece.dataset,
                                  place.offset, place.bytes, piece.file_offset, piece.box.bytes()));
    }
  } catch (const Hdf5Failure& failure) {
    throw corrupt(path, fmt::format("its datasets cannot be read ({})", failure.what()));
  }
}

}  // namespace baleen::checkpoint
