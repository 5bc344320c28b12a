#pragma once
// How long an op takes on a device that works behind the host.

#include <c10/core/Device.h>

#include <functional>
#include <vector>

namespace baleen::bench {

/// Seconds of one call of `run`: the median of seven rounds, each long enough for the clock and for a full launch
/// queue.
double seconds_of(c10::Device device, const std::function<void()>& run);

/// The middle of the sorted values, or what lies at this part (0 to 1) of them. Of at least one value.
double quantile(std::vector<double> values, double part = 0.5);

}  // namespace baleen::bench
