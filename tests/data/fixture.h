#pragma once
// What the tests of data/ share: files, small datasets, and errors taken apart.

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/token_writer.h"
#include "tests/support/temporary_folder.h"

namespace baleen::data {

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

/// The error that `action` ends with; nothing when it ends well.
inline std::optional<core::Error> error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const core::Error& error) {
    return error;
  }
  return std::nullopt;
}

/// A dataset of these documents, each closed by end-of-text, the last id of the vocabulary.
inline DatasetInfo write_dataset(const std::filesystem::path& path, const std::vector<std::vector<TokenId>>& documents,
                                 std::int64_t vocab_size = 257) {
  TokenWriter writer(path, {"bytes", vocab_size, static_cast<TokenId>(vocab_size - 1), false});
  for (const auto& document : documents) {
    writer.append(document);
    writer.end_document();
  }
  return writer.commit();
}

/// `documents` documents of different lengths, `shortest` tokens and more.
inline std::vector<std::vector<TokenId>> numbered_documents(int documents, int shortest) {
  std::vector<std::vector<TokenId>> all;
  TokenId next = 0;
  for (int d = 0; d < documents; ++d) {
    auto& document = all.emplace_back();
    for (int i = 0; i < shortest + d % 7; ++i) document.push_back(next++ % 251);
  }
  return all;
}

}  // namespace baleen::data
