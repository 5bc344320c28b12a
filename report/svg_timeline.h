#pragma once
// Rows of boxes over one axis of time, as an SVG element for an HTML page. Colours come from the page's CSS: each box
// has its class beside `box`. Boxes tell more when the mouse rests on them.

#include <string>
#include <vector>

namespace baleen::report {

struct TimeBox {
  double start = 0, end = 0;  // seconds
  std::string style;          // CSS class
  std::string label;          // inside, where there is room
  std::string title;          // under the mouse
};

struct TimeRow {
  std::string name;  // to the left
  std::string note;  // to the right
  std::vector<TimeBox> boxes;
};

struct TimePanel {
  std::string title;
  std::vector<TimeRow> rows;
};

/// `description`: what the picture shows, for those who do not see it.
std::string svg_timeline(const std::vector<TimePanel>& panels, const std::string& description);

}  // namespace baleen::report
