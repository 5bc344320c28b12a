#pragma once
// Section `data`: what a run is trained and validated on.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::data {

struct DataConfig {
  std::string train;       // HDF5 file from `baleen data tokenize`, or "random": Philox tokens, for measuring
  std::string validation;  // likewise; empty: no validation
  std::string tokenizer = "bytes";
  std::string pack = "stream";  // or "documents"
  std::int64_t prefetch = 2;    // batches made ahead
};

inline constexpr const char* kRandomDataset = "random";

const core::Section<DataConfig>& data_section();

}  // namespace baleen::data
