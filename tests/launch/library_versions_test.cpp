#include "launch/library_versions.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "core/version.h"

namespace baleen::launch {
namespace {

TEST(LibraryVersions, NameWhatIsLoaded) {
  std::vector<std::string> names;
  for (const LibraryVersion& library : library_versions()) {
    SCOPED_TRACE(library.name);
    names.push_back(library.name);
    EXPECT_FALSE(library.version.empty());
    const bool may_be_absent = library.name == "CUDA driver";  // where a CUDA build is only compiled
    EXPECT_TRUE(may_be_absent || std::filesystem::exists(library.path)) << library.path;
  }
  if (core::built_with_cuda())
    EXPECT_THAT(names,
                testing::ElementsAre("LibTorch", "MPI", "CUDA runtime", "CUDA driver", "cuBLASLt", "cuDNN", "NCCL"));
  else
    EXPECT_THAT(names, testing::ElementsAre("LibTorch", "MPI"));
}

TEST(LoadedLibraries, AreThoseOfThisProcessEachWithItsBuild) {
  std::vector<std::string> files;
  for (const core::LoadedObject& library : loaded_libraries()) {
    files.push_back(library.file());
    EXPECT_TRUE(std::filesystem::exists(library.path)) << library.path;
    EXPECT_THAT(library.build, testing::SizeIs(testing::Ge(16U))) << library.path;
  }
  for (const char* name : {"libtorch_cpu.so", "libc10.so", "libmpi.so"})
    EXPECT_THAT(files, testing::Contains(testing::StartsWith(name)));
  EXPECT_THAT(files, testing::Not(testing::Contains(testing::StartsWith("libc.so"))));
}

TEST(LibraryVersions, FindTheFileOfASymbol) {
  EXPECT_THAT(path_of_symbol("MPI_Init_thread"), testing::HasSubstr("libmpi"));
  EXPECT_EQ(path_of_symbol("no_library_has_this"), "");
}

}  // namespace
}  // namespace baleen::launch
