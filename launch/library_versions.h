#pragma once
// Which libraries this process really uses: for the banner, env.json, and the ranks' comparison before a run.

#include <string>
#include <vector>

#include "core/loaded_objects.h"

namespace baleen::launch {

struct LibraryVersion {
  std::string name;     // "LibTorch", "MPI", "CUDA runtime", "CUDA driver", "cuBLASLt", "NCCL"
  std::string version;  // "2.11.0"
  std::string path;     // of the file that is loaded; empty where there is none
};

/// The libraries of this build; the CUDA ones only in a CUDA build.
std::vector<LibraryVersion> library_versions();

/// Of what is loaded, the libraries that a run's numbers and files come from: LibTorch, CUDA's, NCCL, MPI, HDF5. By
/// file, whatever this program was compiled with.
std::vector<core::LoadedObject> loaded_libraries();

/// The file that the loaded symbol comes from; empty where no library has it.
std::string path_of_symbol(const char* symbol);

}  // namespace baleen::launch
