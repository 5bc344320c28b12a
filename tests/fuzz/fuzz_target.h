#pragma once
// What a fuzz target is: libFuzzer's entry, and inputs to start from.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// Must return for every input; a crash, a sanitizer's report or an exception that is no core::Error is a defect.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Inputs that are made rather than stored, because they follow the format of today.
std::vector<std::string> fuzz_seeds();
