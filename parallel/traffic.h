#pragma once
// What ranks send each other, by axis, collective and element type. No LibTorch: the planner predicts it, the counting
// communicator measures it.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace baleen::parallel {

struct TrafficClass {
  std::string axis;        // as Mesh names its communicators: "data_shard", "gathers", "tensor", ...
  std::string collective;  // "all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send"
  std::string dtype;       // "fp32"

  bool operator==(const TrafficClass&) const = default;
  bool operator<(const TrafficClass& other) const {
    return std::tie(axis, collective, dtype) < std::tie(other.axis, other.collective, other.dtype);
  }
};

struct TrafficVolume {
  std::int64_t calls = 0;
  /// Logical payload of this rank's calls: the whole output of a gather, the whole input of a reduce-scatter, the
  /// tensor of an all-reduce, broadcast or message, the input of an all-to-all.
  std::int64_t bytes = 0;

  bool operator==(const TrafficVolume&) const = default;
};

using Traffic = std::map<TrafficClass, TrafficVolume>;

}  // namespace baleen::parallel
