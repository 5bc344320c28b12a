#pragma once
// What this process has loaded: the program and its shared libraries, and which build each of them is.

#include <string>
#include <vector>

namespace baleen::core {

struct LoadedObject {
  std::string path;  // as the loader found it; empty for the program
  /// The linker's build id, in hexadecimal. Where the linker left none: "unmarked-" and a digest of the sizes of its
  /// segments and of the first megabyte of the first one (names and addresses of what it exports), which another build
  /// is all but certain to have otherwise.
  std::string build;

  std::string file() const { return path.substr(path.rfind('/') + 1); }
};

/// The program first. Reads what is mapped already, no file; less than a millisecond.
std::vector<LoadedObject> loaded_objects();

}  // namespace baleen::core
