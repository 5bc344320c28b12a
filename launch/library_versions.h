#pragma once
// Which libraries this process really uses, for the banner and env.json.

#include <string>
#include <vector>

namespace baleen::launch {

struct LibraryVersion {
  std::string name;     // "LibTorch", "MPI", "CUDA runtime", "CUDA driver", "cuBLASLt", "NCCL"
  std::string version;  // "2.11.0"
  std::string path;     // of the file that is loaded; empty where there is none
};

/// The libraries of this build; the CUDA ones only in a CUDA build.
std::vector<LibraryVersion> library_versions();

/// The file that the loaded symbol comes from; empty where no library has it.
std::string path_of_symbol(const char* symbol);

}  // namespace baleen::launch
