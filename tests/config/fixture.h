#pragma once
// A folder with configurations and a tiny dataset.

#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "trainer/config.h"

namespace baleen::trainer {

class ConfigFolder {
 public:
  /// tokens.h5: a dataset of 201 tokens, vocabulary 257. noise.h5: no HDF5 file.
  ConfigFolder();

  /// Writes FOLDER/NAME; "FOLDER" in the text becomes the folder's path.
  std::filesystem::path write(const std::string& name, const std::string& text) const;

  /// Everything that `baleen check` says of this text as run.toml; the folder's path is left out of it.
  std::vector<std::string> problems(const std::string& text, const std::vector<std::string>& overrides = {},
                                    int ranks = 1) const;

  const tests::TemporaryFolder& folder() const { return folder_; }

 private:
  tests::TemporaryFolder folder_;
};

/// The file's content with [data] train = "random" below where it has no [data].
std::string with_data(const std::string& text);

}  // namespace baleen::trainer
