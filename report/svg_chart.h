#pragma once
// A line chart as an SVG element for an HTML page. Colours come from the page's CSS: classes s0, s1, ... for the
// series, grid, tick, guide. Reading a value needs no script: each strip of the plot has a <title>.

#include <string>
#include <vector>

namespace baleen::report {

struct ChartPoint {
  double x = 0;
  double y = 0;  // what is not finite (or not positive on a logarithmic axis) leaves a gap
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // ascending in x
  bool faint = false;              // drawn thin, as the ground of another series
  bool dots = false;               // few points: mark each
};

struct Chart {
  std::string title;
  std::string unit;  // behind numbers: " GiB", "%"
  std::vector<ChartSeries> series;
  bool logarithmic = false;  // the y axis
  bool from_zero = false;    // the y axis begins at 0
  double at_least = 0;       // and reaches this, so that small noise looks small
};

/// At most `most` points: x is cut into strips, each strip keeps its smallest and its largest y, so that no spike is
/// lost.
std::vector<ChartPoint> thin_out(const std::vector<ChartPoint>& points, std::size_t most);

/// The mean of each point and up to `reach` neighbours on either side: as many after as before it (fewer at the end),
/// so that a falling curve does not lag. Points that are not finite stay and count for nothing.
std::vector<ChartPoint> smooth(const std::vector<ChartPoint>& points, std::size_t reach);

/// "0.00031", "2.35", "48.2k", "1.2M"
std::string short_number(double value);

std::string svg(const Chart& chart);

/// For text and attribute values; control characters become U+FFFD.
std::string html_escape(const std::string& text);

}  // namespace baleen::report
