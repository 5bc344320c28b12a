#pragma once
// An input of the fuzzer as a file. HDF5 wants a real path, so memory alone would not do.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

class InputFile {
 public:
  InputFile(const std::uint8_t* data, std::size_t size)
      : path_(std::filesystem::temp_directory_path() / ("baleen-fuzz-" + std::to_string(::getpid()))) {
    std::ofstream out(path_, std::ios::binary);
    if (!out.write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size)).flush()) std::abort();
  }
  ~InputFile() { std::filesystem::remove(path_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};
