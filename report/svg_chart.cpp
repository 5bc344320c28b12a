#include "report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace baleen::report {
namespace {

// In units of the view box; CSS scales the whole.
constexpr double kWidth = 640, kHeight = 250;
constexpr double kLeft = 58, kRight = 628, kTop = 12, kBottom = 222;
constexpr std::size_t kMostPoints = 600;
constexpr std::size_t kStrips = 160;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

/// From values to places in the view box.
struct Axis {
  Range range;
  double from = 0, to = 0;
  bool logarithmic = false;

  bool shows(double value) const { return std::isfinite(value) && (!logarithmic || value > 0); }
  double place(double value) const {
    const auto scale = [this](double v) { return logarithmic ? std::log10(v) : v; };
    return from + (scale(value) - scale(range.low)) / (scale(range.high) - scale(range.low)) * (to - from);
  }
};

/// 1, 2 or 5 times a power of ten, so that `range` has about `count` steps.
double nice_step(const Range& range, int count) {
  const double raw = (range.high - range.low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (raw <= factor * power) return factor * power;
  return 10 * power;
}

std::vector<double> ticks(const Axis& axis, int count) {
  std::vector<double> marks;
  if (axis.logarithmic) {
    const bool decades_only = axis.range.high / axis.range.low > 1e3;
    for (double power = std::pow(10.0, std::floor(std::log10(axis.range.low))); power <= axis.range.high; power *= 10)
      for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= axis.range.low && factor * power <= axis.range.high && (factor == 1 || !decades_only))
          marks.push_back(factor * power);
    if (marks.size() > 1) return marks;
    marks.clear();  // a narrow range between two of these
  }
  const double step = nice_step(axis.range, count);
  for (double n = std::ceil(axis.range.low / step - 1e-9); n * step <= axis.range.high + 1e-9 * step; ++n)
    marks.push_back(n * step);
  return marks;
}

/// Grown where all values are equal, by a margin, and down to zero where the chart asks for it.
Range padded(Range range, const Chart& chart) {
  if (chart.logarithmic) return {range.low / 1.15, range.high * 1.15};
  if (chart.from_zero) range.high = std::max(range.high, chart.at_least);
  const double width = range.high - range.low;
  const double margin = width > 0 ? 0.05 * width : std::max(1e-12, 0.1 * std::abs(range.high));
  const double low = chart.from_zero ? std::min(0.0, range.low) : range.low - margin;
  return {range.low >= 0 ? std::max(0.0, low) : low, range.high + margin};
}

struct Axes {
  Axis x, y;
};

/// None where there is nothing to draw.
std::optional<Axes> axes_of(const Chart& chart) {
  Axes axes{{{}, kLeft, kRight, false}, {{}, kBottom, kTop, chart.logarithmic}};
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points)
      if (axes.y.shows(point.y)) {
        axes.x.range.include(point.x);
        axes.y.range.include(point.y);
      }
  if (axes.y.range.empty()) return std::nullopt;
  if (axes.x.range.low == axes.x.range.high) axes.x.range = {axes.x.range.low - 1, axes.x.range.high + 1};
  axes.y.range = padded(axes.y.range, chart);
  return axes;
}

std::string grid(const Axes& axes, const std::string& unit) {
  std::string out;
  for (const double value : ticks(axes.y, 4)) {
    const double y = axes.y.place(value);
    out += fmt::format(R"(<line class="grid" x1="{:.0f}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft, kRight, y, y);
    out += fmt::format(R"(<text class="tick" x="{:.0f}" y="{:.1f}" text-anchor="end">{}{}</text>)", kLeft - 8, y + 4,
                       short_number(value), unit == "%" ? "%" : "");
  }
  for (const double value : ticks(axes.x, 6)) {
    if (value != std::round(value)) continue;  // a step is whole
    out += fmt::format(R"(<text class="tick" x="{:.1f}" y="{:.0f}" text-anchor="middle">{}</text>)",
                       axes.x.place(value), kBottom + 18, short_number(value));
  }
  return out + "\n";
}

std::string line(const ChartSeries& series, std::size_t number, const Axes& axes) {
  std::string path, marks;
  bool pen_down = false;
  for (const ChartPoint& point : thin_out(series.points, kMostPoints)) {
    if (!axes.y.shows(point.y)) {
      pen_down = false;
      continue;
    }
    const double x = axes.x.place(point.x), y = axes.y.place(point.y);
    path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', x, y);
    if (series.dots) marks += fmt::format(R"(<circle class="s{}" cx="{:.1f}" cy="{:.1f}" r="3.5"/>)", number, x, y);
    pen_down = true;
  }
  return fmt::format("<path class=\"s{}{}\" d=\"{}\"/>{}\n", number, series.faint ? " faint" : "", path, marks);
}

/// The last point of the series at or before x.
const ChartPoint* point_at(const ChartSeries& series, double x) {
  const auto after = std::ranges::upper_bound(series.points, x, {}, &ChartPoint::x);
  return after == series.points.begin() ? nullptr : &*std::prev(after);
}

/// Strips over the whole plot that tell their values when the mouse rests on them.
std::string strips(const Chart& chart, const Axes& axes) {
  std::string out;
  const std::vector<ChartPoint>& lead =
      std::ranges::max(chart.series, {}, [](const auto& s) { return s.points.size(); }).points;
  const std::size_t count = std::min(kStrips, lead.size());
  const double width = (kRight - kLeft) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    const ChartPoint& at = lead[count == 1 ? 0 : i * (lead.size() - 1) / (count - 1)];
    std::string text = fmt::format("step {:.0f}", at.x);
    for (const ChartSeries& series : chart.series)
      if (const ChartPoint* point = point_at(series, at.x); point != nullptr && std::isfinite(point->y))
        text += fmt::format("&#10;{} {}{}", html_escape(series.name), short_number(point->y), chart.unit);
    const double x = std::clamp(axes.x.place(at.x) - width / 2, kLeft, kRight - width);
    out += fmt::format(
        R"(<rect class="guide" x="{:.1f}" y="{:.0f}" width="{:.2f}" height="{:.0f}"><title>{}</title></rect>)", x, kTop,
        width, kBottom - kTop, text);
  }
  return out + "\n";
}

}  // namespace

std::vector<ChartPoint> thin_out(const std::vector<ChartPoint>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<ChartPoint> kept;
  const std::size_t count = std::max<std::size_t>(1, most / 2);
  for (std::size_t strip = 0; strip < count; ++strip) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(strip * points.size() / count);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((strip + 1) * points.size() / count);
    const auto less = [](const ChartPoint& a, const ChartPoint& b) {  // not a number: larger than all
      return std::isnan(a.y) ? false : std::isnan(b.y) || a.y < b.y;
    };
    auto [low, high] = std::minmax_element(begin, end, less);
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (high != low) kept.push_back(*high);
  }
  return kept;
}

std::vector<ChartPoint> smooth(const std::vector<ChartPoint>& points, std::size_t reach) {
  std::vector<double> sums{0}, counts{0};  // of the finite points before each
  for (const ChartPoint& point : points) {
    sums.push_back(sums.back() + (std::isfinite(point.y) ? point.y : 0));
    counts.push_back(counts.back() + (std::isfinite(point.y) ? 1 : 0));
  }
  std::vector<ChartPoint> smoothed = points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!std::isfinite(points[i].y)) continue;
    const std::size_t near = std::min(reach, i);
    const std::size_t begin = i - near, end = std::min(points.size(), i + near + 1);
    smoothed[i].y = (sums[end] - sums[begin]) / (counts[end] - counts[begin]);
  }
  return smoothed;
}

std::string short_number(double value) {
  const double size = std::abs(value);
  if (!std::isfinite(value)) return fmt::format("{}", value);
  if (size >= 1e12) return fmt::format("{:.3g}", value);
  if (size >= 1e9) return fmt::format("{:.4g}G", value / 1e9);
  if (size >= 1e6) return fmt::format("{:.4g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.4g}k", value / 1e3);
  return fmt::format("{:.4g}", size < 1e-12 ? 0.0 : value);
}

std::string html_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      out += "\xEF\xBF\xBD";
    } else {
      out += c;
    }
  }
  return out;
}

std::string svg(const Chart& chart) {
  std::string out = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n", kWidth, kHeight,
                                html_escape(chart.title));
  if (const auto axes = axes_of(chart)) {
    out += grid(*axes, chart.unit);
    for (std::size_t i = 0; i < chart.series.size(); ++i) out += line(chart.series[i], i, *axes);
    out += strips(chart, *axes);
  } else {
    out += fmt::format("<text class=\"tick\" x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">nothing yet</text>\n",
                       kWidth / 2, kHeight / 2);
  }
  return out + "</svg>\n";
}

}  // namespace baleen::report
