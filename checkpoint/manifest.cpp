#include "checkpoint/manifest.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/filesystem.h"
#include "core/json_fault.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// The last member of the file, over all text before it.
constexpr std::string_view kDigestMark = ",\n  \"digest\": \"";

core::Error corrupt(const fs::path& path, const std::string& what) {
  return {core::ExitCode::corrupt_checkpoint, fmt::format("{}: {}", path.string(), what)};
}

core::Digest digest_from(const json& value) {
  const auto digest = core::Digest::from_hex(value.get<std::string>());
  if (!digest) throw std::runtime_error("a digest that is not 32 hexadecimal digits");
  return *digest;
}

/// JSON has no infinities: {"double": "inf"}.
json value_to_json(const TrainerState::Value& value) {
  if (const double* number = std::get_if<double>(&value); number != nullptr && !std::isfinite(*number))
    return {{"double", fmt::format("{}", *number)}};
  return std::visit([](const auto& held) { return json(held); }, value);
}

void set_from_json(TrainerState& state, const std::string& key, const json& value) {
  if (value.is_number_integer()) return state.set(key, value.get<std::int64_t>());
  if (value.is_number_float()) return state.set(key, value.get<double>());
  if (value.is_object()) return state.set(key, std::strtod(value.at("double").get<std::string>().c_str(), nullptr));
  state.set(key, value.get<std::string>());
}

json tensor_to_json(const TensorEntry& tensor) {
  json boxes = json::array();
  for (const StoredBox& stored : tensor.boxes)
    boxes.push_back({{"file", stored.file},
                     {"piece", stored.piece},
                     {"offsets", stored.box.offsets},
                     {"lengths", stored.box.lengths}});
  return {{"name", tensor.name},
          {"kind", tensor.kind},
          {"dtype", core::dtype_name(tensor.dtype)},
          {"shape", tensor.shape},
          {"boxes", std::move(boxes)}};
}

TensorEntry tensor_from_json(const json& value, std::size_t files) {
  const auto dtype = core::dtype_from_name(value.at("dtype").get<std::string>());
  if (!dtype) throw std::runtime_error("unknown dtype " + value.at("dtype").dump());
  TensorEntry tensor{value.at("name"), value.at("kind"), *dtype, value.at("shape"), {}};
  for (const json& stored : value.at("boxes")) {
    StoredBox box{stored.at("file"), stored.at("piece"), {stored.at("offsets"), stored.at("lengths")}};
    if (box.file < 0 || static_cast<std::size_t>(box.file) >= files || box.piece < 0 ||
        !contains(tensor.shape, box.box))
      throw std::runtime_error("a box that cannot be: " + tensor.name);
    tensor.boxes.push_back(std::move(box));
  }
  return tensor;
}

json body_to_json(const Manifest& manifest) {
  json trainer = json::object();
  for (const auto& [key, value] : manifest.trainer.values()) trainer[key] = value_to_json(value);
  json files = json::array();
  for (const FileEntry& file : manifest.files)
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"table_digest", file.table_digest.hex()}});
  json tensors = json::array();
  for (const TensorEntry& tensor : manifest.tensors) tensors.push_back(tensor_to_json(tensor));
  return {{"format_version", kFormatVersion},
          {"step", manifest.step},
          {"optimizer_step", manifest.optimizer_step},
          {"world_size", manifest.world_size},
          {"mesh", manifest.mesh},
          {"versions", manifest.versions},
          {"trainer", std::move(trainer)},
          {"saved", manifest.saved},
          {"config_digest", manifest.config_digest.hex()},
          {"files", std::move(files)},
          {"tensors", std::move(tensors)}};
}

Manifest body_from_json(const json& value) {
  Manifest manifest;
  manifest.step = value.at("step");
  manifest.optimizer_step = value.at("optimizer_step");
  manifest.world_size = value.at("world_size");
  manifest.mesh = value.at("mesh");
  manifest.versions = value.at("versions");
  for (const auto& [key, held] : value.at("trainer").items()) set_from_json(manifest.trainer, key, held);
  manifest.saved = value.at("saved");
  manifest.config_digest = digest_from(value.at("config_digest"));
  for (const json& file : value.at("files")) {
    const std::string name = file.at("name");
    if (name.empty() || name.find('/') != std::string::npos) throw std::runtime_error("a file outside the checkpoint");
    manifest.files.push_back({name, file.at("bytes"), digest_from(file.at("table_digest"))});
  }
  for (const json& tensor : value.at("tensors"))
    manifest.tensors.push_back(tensor_from_json(tensor, manifest.files.size()));
  return manifest;
}

void check_digest(std::string_view text, const std::string& stated, const fs::path& path) {
  const std::size_t mark = text.rfind(kDigestMark);
  if (mark == std::string_view::npos || core::digest_of(text.substr(0, mark)).hex() != stated)
    throw corrupt(path, "its text does not fit its own digest: it was changed after it was written");
}

}  // namespace

std::int64_t TrainerState::integer(const std::string& key) const {
  const auto at = values_.find(key);
  if (at != values_.end() && std::holds_alternative<std::int64_t>(at->second))
    return std::get<std::int64_t>(at->second);
  throw core::Error(core::ExitCode::corrupt_checkpoint, "the checkpoint's trainer state has no integer " + key);
}

double TrainerState::number(const std::string& key) const {
  const auto at = values_.find(key);
  if (at != values_.end() && std::holds_alternative<double>(at->second)) return std::get<double>(at->second);
  throw core::Error(core::ExitCode::corrupt_checkpoint, "the checkpoint's trainer state has no number " + key);
}

const std::string& TrainerState::text(const std::string& key) const {
  const auto at = values_.find(key);
  if (at != values_.end() && std::holds_alternative<std::string>(at->second)) return std::get<std::string>(at->second);
  throw core::Error(core::ExitCode::corrupt_checkpoint, "the checkpoint's trainer state has no text " + key);
}

bool tiles(const TensorEntry& tensor) {
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < tensor.boxes.size(); ++i) {
    const Box& box = tensor.boxes[i].box;
    elements += box.elements();
    for (std::size_t j = 0; j < i; ++j)
      if (intersection(box, tensor.boxes[j].box).elements() != 0) return false;
  }
  return elements == whole(tensor.shape).elements();
}

std::int64_t TensorEntry::bytes() const {
  return whole(shape).elements() * core::dtype_size(dtype);
}

std::int64_t Manifest::bytes() const {
  std::int64_t sum = 0;
  for (const FileEntry& file : files) sum += file.bytes;
  return sum;
}

std::string to_json(const Manifest& manifest) {
  std::string text = body_to_json(manifest).dump(2);
  text.resize(text.rfind('\n'));  // without the closing brace
  return text + std::string(kDigestMark) + core::digest_of(text).hex() + "\"\n}\n";
}

Manifest manifest_from_json(std::string_view text, const fs::path& path) {
  try {
    const json value = json::parse(text);
    const int version = value.at("format_version");
    if (version > kFormatVersion)
      throw corrupt(path, fmt::format("written in format {} by a newer Baleen; this one reads formats up to {}",
                                      version, kFormatVersion));
    check_digest(text, value.at("digest"), path);
    return body_from_json(value);
  } catch (const json::exception& error) {
    throw corrupt(path, fmt::format("not a whole manifest: {}", core::json_fault(error, text)));
  } catch (const core::Error&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw corrupt(path, fmt::format("not a sound manifest: {}", error.what()));
  }
}

void check_files(const Manifest& manifest, const fs::path& checkpoint) {
  for (const FileEntry& file : manifest.files) {
    const fs::path path = checkpoint / file.name;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(path, error);
    if (error == std::errc::no_such_file_or_directory)
      throw core::Error(core::ExitCode::corrupt_checkpoint, path.string() + " is missing");
    if (error) throw core::storage_error("inspect", path, error.value());
    if (static_cast<std::int64_t>(size) != file.bytes)
      throw core::Error(core::ExitCode::corrupt_checkpoint,
                        fmt::format("{} has {} bytes, {} were saved", path.string(), size, file.bytes));
  }
  const fs::path config = checkpoint / kConfigName;
  std::error_code error;
  if (!fs::exists(config, error))
    throw core::Error(core::ExitCode::corrupt_checkpoint, config.string() + " is missing");
  if (core::digest_of(core::read_file(config)) != manifest.config_digest)
    throw corrupt(config, "it was changed after the checkpoint was written");
}

Manifest read_manifest(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kManifestName;
  std::error_code error;
  if (!fs::exists(path, error))
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} is no checkpoint: it has no {}", checkpoint.string(), kManifestName),
                      "name a run directory or one of its checkpoints/step-* directories");
  return manifest_from_json(core::read_file(path), path);
}

}  // namespace baleen::checkpoint
