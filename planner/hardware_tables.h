#pragma once
// configs/hardware/*.toml inside the program, so that it plans wherever it is started. CMake writes the definition.

#include <span>

namespace baleen::planner {

struct HardwareText {
  const char* name;  // of the file, without .toml
  const char* text;
};

std::span<const HardwareText> hardware_texts();

}  // namespace baleen::planner
