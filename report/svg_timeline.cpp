#include "report/svg_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/svg_chart.h"

namespace baleen::report {
namespace {

// In units of the view box; CSS scales the whole.
constexpr double kWidth = 1200, kLeft = 76, kRight = 1078;
constexpr double kTitle = 26, kRow = 26, kGap = 5, kPanelGap = 12, kAxis = 24;
constexpr double kLetter = 7.2;            // width of a letter in a box
constexpr std::size_t kMostTitled = 4000;  // boxes; more would make the page large

struct Canvas {
  double span;  // seconds
  bool titled;

  double x(double seconds) const { return kLeft + seconds / span * (kRight - kLeft); }
};

double longest(const std::vector<TimePanel>& panels) {
  double span = 0;
  for (const TimePanel& panel : panels)
    for (const TimeRow& row : panel.rows)
      for (const TimeBox& box : row.boxes) span = std::max(span, box.end);
  return span > 0 ? span : 1;
}

std::size_t count_boxes(const std::vector<TimePanel>& panels) {
  std::size_t boxes = 0;
  for (const TimePanel& panel : panels)
    for (const TimeRow& row : panel.rows) boxes += row.boxes.size();
  return boxes;
}

/// The label, or its end (a number) where only that has room, or nothing.
std::string fitted(const std::string& label, double width) {
  const auto fits = [&](const std::string& text) { return kLetter * static_cast<double>(text.size()) + 3 <= width; };
  if (fits(label)) return label;
  const std::string number = label.empty() ? "" : label.substr(1);
  return fits(number) ? number : "";
}

std::string box(const TimeBox& box, const Canvas& canvas, double y) {
  const double left = canvas.x(box.start), width = std::max(0.4, canvas.x(box.end) - left);
  std::string out = fmt::format(R"(<rect class="box {}" x="{:.2f}" y="{:.0f}" width="{:.2f}" height="{:.0f}")",
                                box.style, left, y, width, kRow);
  out += canvas.titled && !box.title.empty() ? fmt::format("><title>{}</title></rect>", html_escape(box.title)) : "/>";
  return out + "\n";
}

std::string label(const TimeBox& box, const Canvas& canvas, double y) {
  const double left = canvas.x(box.start), width = canvas.x(box.end) - left;
  const std::string text = fitted(box.label, width);
  if (text.empty()) return "";
  return fmt::format("<text class=\"in\" x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{}</text>\n",
                     left + width / 2, y + kRow / 2 + 4, html_escape(text));
}

std::string row(const TimeRow& row, const Canvas& canvas, double y) {
  std::string out = fmt::format(R"(<text class="tick" x="{:.0f}" y="{:.0f}" text-anchor="end">{}</text>)", kLeft - 8,
                                y + kRow / 2 + 4, html_escape(row.name));
  out += fmt::format(R"(<rect class="track" x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{:.0f}"/>)", kLeft, y,
                     kRight - kLeft, kRow);
  out += fmt::format("<text class=\"tick\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n", kRight + 10, y + kRow / 2 + 4,
                     html_escape(row.note));
  for (const TimeBox& one : row.boxes) out += box(one, canvas, y);
  for (const TimeBox& one : row.boxes) out += label(one, canvas, y);  // above all boxes
  return out;
}

/// 1, 2 or 5 times a power of ten.
double nice_step(double span, int count) {
  const double power = std::pow(10.0, std::floor(std::log10(span / count)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (span / count <= factor * power) return factor * power;
  return 10 * power;
}

std::string axis(const Canvas& canvas, double top, double bottom) {
  constexpr double kMilli = 1e3;
  std::string out;
  const double step = nice_step(canvas.span, 10);
  for (int n = 0; n * step <= canvas.span * (1 + 1e-9); ++n) {
    const double x = canvas.x(n * step);
    out += fmt::format(R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.0f}" y2="{2:.0f}"/>)", x, top, bottom);
    out += fmt::format(R"(<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>)", x, bottom + 16,
                       short_number(n * step * kMilli));
  }
  return out + fmt::format("<text class=\"tick\" x=\"{:.0f}\" y=\"{:.0f}\">ms</text>\n", kRight + 10, bottom + 16);
}

}  // namespace

std::string svg_timeline(const std::vector<TimePanel>& panels, const std::string& description) {
  const Canvas canvas{longest(panels), count_boxes(panels) <= kMostTitled};
  std::string content;
  double y = 0;
  for (const TimePanel& panel : panels) {
    if (!panel.title.empty()) {
      content += fmt::format("<text class=\"head\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n", kLeft, y + 17,
                             html_escape(panel.title));
      y += kTitle;
    }
    for (const TimeRow& one : panel.rows) {
      content += row(one, canvas, y);
      y += kRow + kGap;
    }
    y += kPanelGap;
  }
  const double bottom = y - kPanelGap;
  return fmt::format("<svg class=\"timeline\" viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
                     bottom + kAxis, html_escape(description)) +
         axis(canvas, 0, bottom) + content + "</svg>\n";
}

}  // namespace baleen::report
