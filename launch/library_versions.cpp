#include "launch/library_versions.h"

#include <dlfcn.h>
#include <mpi.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <array>

#include "launch/cuda_versions.h"

namespace baleen::launch {
namespace {

/// "Open MPI v4.1.4, package: ..." without what follows the first comma.
std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING + 1> words{};
  int length = 0;
  MPI_Get_library_version(words.data(), &length);
  const std::string all = words.data();
  return all.substr(0, all.find_first_of(",\n"));
}

}  // namespace

std::string path_of_symbol(const char* symbol) {
  const void* address = dlsym(RTLD_DEFAULT, symbol);
  Dl_info file{};
  if (address == nullptr || dladdr(address, &file) == 0 || file.dli_fname == nullptr) return {};
  return file.dli_fname;
}

std::vector<LibraryVersion> library_versions() {
  std::vector<LibraryVersion> libraries{{"LibTorch", TORCH_VERSION, path_of_symbol("aoti_torch_device_type_cpu")},
                                        {"MPI", mpi_version(), path_of_symbol("MPI_Init_thread")}};
  for (LibraryVersion& library : cuda_versions()) libraries.push_back(std::move(library));
  return libraries;
}

std::vector<core::LoadedObject> loaded_libraries() {
  constexpr std::array kNames{"libtorch", "libc10",  "libcudart", "libcublas",
                              "libcudnn", "libnccl", "libmpi",    "libhdf5"};
  std::vector<core::LoadedObject> libraries = core::loaded_objects();
  std::erase_if(libraries, [&](const core::LoadedObject& object) {
    return std::ranges::none_of(kNames, [&](const char* name) { return object.file().starts_with(name); });
  });
  return libraries;
}

}  // namespace baleen::launch
