#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "core/error.h"
#include "core/version.h"
#include "report/svg_chart.h"
#include "tests/support/temporary_folder.h"
#include "trainer/config.h"
#include "trainer/run_log.h"

namespace baleen::report {
namespace {

using trainer::Config, trainer::metrics_json, trainer::read_run_log, trainer::RunLog, trainer::StepMetrics;

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

StepMetrics toy_step(std::int64_t step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss =
      1.5 + 4 * std::exp(-static_cast<double>(step) / 60) + 0.05 * std::sin(static_cast<double>(step) * 12.9);
  metrics.grad_norm = 0.5 + 1 / static_cast<double>(step);
  metrics.lr = 1e-3;
  metrics.tokens = 2048;
  metrics.step_seconds = 0.5;
  metrics.tokens_per_second = 4096;
  metrics.tokens_per_second_per_gpu = 2048;
  metrics.memory_gib = 0.25;
  metrics.data_seconds = 0.01;
  return metrics;
}

class ReportTest : public testing::Test {
 protected:
  const fs::path& run() const { return run_.path(); }
  void append(const std::string& file, const std::string& text) const {
    std::ofstream(run_ / file, std::ios::app) << text;
  }
  void append_steps(std::int64_t first, std::int64_t last) const {
    for (std::int64_t step = first; step <= last; ++step) append("metrics.jsonl", metrics_json(toy_step(step)) + "\n");
  }
  std::string html() const {
    std::stringstream text;
    text << std::ifstream(write_report(run()).path).rdbuf();
    return text.str();
  }

 private:
  tests::TemporaryFolder run_;
};

TEST_F(ReportTest, ShowsCurvesTotalsSettingsAndSamples) {
  append_steps(1, 100);
  append("events.jsonl", "{\"event\":\"validation\",\"step\":50,\"loss\":2.25,\"bits_per_byte\":3.246}\n");
  append("events.jsonl", "{\"event\":\"validation\",\"step\":100,\"loss\":1.75,\"bits_per_byte\":2.525}\n");
  append("events.jsonl", "{\"event\":\"checkpoint\",\"step\":100,\"path\":\"step-00000100\"}\n");
  append("events.jsonl", "{\"event\":\"sample\",\"step\":100,\"text\":\"It is a truth\"}\n");
  append("events.jsonl", "{\"event\":\"skipped_step\",\"step\":7,\"message\":\"the gradient of q is not finite\"}\n");
  Config config;
  config.run.name = "austen & co";
  config.data.train = "novels.h5";
  append("config.toml", to_toml(config));
  append("env.json", R"({"host":"node7","ranks":2,"libraries":{"Open MPI":{"version":"4.1.4","path":"/lib/mpi.so"}}})");
  const std::string page = html();
  EXPECT_THAT(page,
              AllOf(HasSubstr("<h1>austen &amp; co</h1>"), HasSubstr("step 100 of 100, last checkpoint at step 100"),
                    HasSubstr("<b>1.7500</b><span>validation loss, step 100"), HasSubstr("<b>2.525</b>"),
                    HasSubstr("<b>204.8k</b><span>tokens<"), HasSubstr("<b>4096</b><span>tokens per second"),
                    HasSubstr("<b>50s</b>"), HasSubstr("<b>0</b><span>steps skipped")));
  EXPECT_THAT(page, AllOf(HasSubstr("It is a truth"), HasSubstr("the gradient of q is not finite"),
                          HasSubstr("4.1.4  /lib/mpi.so"), HasSubstr("node7"), HasSubstr("novels.h5"),
                          HasSubstr("Gradient norm"), HasSubstr("Learning rate"), HasSubstr("Memory")));
  EXPECT_THAT(page, Not(HasSubstr("could not be read")));
}

TEST_F(ReportTest, NeedsNothingFromElsewhere) {
  append_steps(1, 10);
  EXPECT_THAT(html(), AllOf(Not(HasSubstr("<script")), Not(HasSubstr("src=")), Not(HasSubstr("href=")),
                            Not(HasSubstr("url(")), HasSubstr("prefers-color-scheme: dark")));
}

TEST_F(ReportTest, TextOfTheModelCannotBecomeMarkup) {
  append_steps(1, 2);
  append("events.jsonl", R"({"event":"sample","step":2,"text":"</pre><script>alert(1)</script> \u0007"})"
                         "\n");
  EXPECT_THAT(html(), AllOf(HasSubstr("&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt; \xEF\xBF\xBD</pre>"),
                            Not(HasSubstr("<script"))));
}

TEST_F(ReportTest, ALineThatIsStillBeingWrittenIsNoFault) {
  append_steps(1, 3);
  append("metrics.jsonl", metrics_json(toy_step(4)).substr(0, 40));
  EXPECT_THAT(write_report(run()).notes, IsEmpty());
  EXPECT_EQ(read_run_log(run()).steps.size(), 3u);
}

TEST_F(ReportTest, OtherBrokenLinesAreNamedWithTheirNumber) {
  append_steps(1, 2);
  append("metrics.jsonl", "{\"step\": 3, \"loss\"\n[4]\n\n{\"step\":5}\n{\"step\":\"six\"}\n");
  append_steps(7, 8);
  append("events.jsonl", "{\"event\":\"validation\",\"step\":7,\"loss\":nan,\"bits_per_byte\":null}\n\xff\n");
  const Report report = write_report(run());
  EXPECT_THAT(
      report.notes,
      ElementsAre("metrics.jsonl:3: left out, not readable JSON at byte 19", HasSubstr("metrics.jsonl:4: left out, "),
                  HasSubstr("metrics.jsonl:6: left out, key 'loss' not found"),
                  HasSubstr("metrics.jsonl:7: left out, "), HasSubstr("events.jsonl:1: left out, "),
                  HasSubstr("events.jsonl:2: left out, ")));
  EXPECT_EQ(read_run_log(run()).steps.size(), 4u);
  EXPECT_THAT(html(), AllOf(HasSubstr("What could not be read"), HasSubstr("metrics.jsonl:3: left out")));
}

TEST_F(ReportTest, ABrokenConfigOrEnvironmentIsNamed) {
  append_steps(1, 2);
  append("config.toml", "[model]\nlayers = \"four\"\n");
  append("env.json", "[");
  EXPECT_THAT(write_report(run()).notes, ElementsAre(HasSubstr("config.toml:2:"), HasSubstr("env.json: left out")));
}

TEST_F(ReportTest, WhatWasTrainedAgainAfterAResumeCountsOnce) {
  append_steps(1, 10);
  append_steps(6, 8);
  const RunLog log = read_run_log(run());
  ASSERT_EQ(log.steps.size(), 8u);
  for (std::size_t i = 0; i < log.steps.size(); ++i) EXPECT_EQ(log.steps[i].step, static_cast<std::int64_t>(i) + 1);
}

TEST_F(ReportTest, LossesThatAreNotFiniteLeaveGaps) {
  append_steps(1, 3);
  StepMetrics bad = toy_step(4);
  bad.loss = std::numeric_limits<double>::quiet_NaN();
  bad.grad_norm = std::numeric_limits<double>::infinity();
  bad.skipped = true;
  append("metrics.jsonl", metrics_json(bad) + "\n");
  append_steps(5, 6);
  EXPECT_TRUE(std::isnan(read_run_log(run()).steps[3].loss));
  EXPECT_THAT(html(), AllOf(HasSubstr("<b>1</b><span>step skipped"), Not(HasSubstr("\"nan")), Not(HasSubstr(" nan")),
                            Not(HasSubstr("inf "))));
}

TEST_F(ReportTest, ARunWithoutStepsHasAReportToo) {
  append("config.toml", to_toml(Config{}));
  EXPECT_THAT(html(), AllOf(HasSubstr("no step is done yet"), HasSubstr("nothing yet")));
}

TEST_F(ReportTest, ALongRunStaysSmall) {
  append_steps(1, 20000);
  const auto bytes = fs::file_size(write_report(run()).path);
  EXPECT_LT(bytes, 400'000u);
}

TEST_F(ReportTest, AFolderThatIsNoRunIsBadUsage) {
  for (const fs::path& path : {run(), run() / "none"}) {
    try {
      write_report(path);
      ADD_FAILURE() << path;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::usage);
      EXPECT_THAT(error.what(), HasSubstr("is no run: it has neither metrics.jsonl nor config.toml"));
    }
  }
}

TEST(SvgChart, ThinningKeepsEverySpike) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 10000; ++i) points.push_back({double(i), 1.0});
  points[1234].y = 50;
  points[7777].y = -3;
  const std::vector<ChartPoint> kept = thin_out(points, 200);
  EXPECT_LE(kept.size(), 200u);
  const auto [low, high] = std::ranges::minmax(kept, {}, &ChartPoint::y);
  EXPECT_EQ(low.y, -3);
  EXPECT_EQ(high.y, 50);
  EXPECT_TRUE(std::ranges::is_sorted(kept, {}, &ChartPoint::x));
  EXPECT_EQ(thin_out(points, 10000).size(), 10000u);
}

TEST(SvgChart, SmoothingHasNoLagAndSkipsWhatIsNotFinite) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 50; ++i) points.push_back({double(i), 2.0 - i});
  points[20].y = std::numeric_limits<double>::quiet_NaN();
  const std::vector<ChartPoint> smoothed = smooth(points, 10);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == 20) {
      EXPECT_TRUE(std::isnan(smoothed[i].y));
    } else {
      EXPECT_NEAR(smoothed[i].y, points[i].y, i < 10 || (i > 30 && i < 40) ? 1e-12 : 5.0) << i;
    }
  }
}

TEST(SvgChart, DrawsEveryValueInsideThePlot) {
  for (const bool logarithmic : {false, true})
    for (const double size : {1e-9, 1.0, 1e12}) {
      Chart chart{"c", "", {{"s", {{1, size}, {2, 3 * size}, {3, 2 * size}}, false, true}}, logarithmic, false, 0};
      const std::string text = svg(chart);
      for (std::size_t at = text.find("cy=\""); at != std::string::npos; at = text.find("cy=\"", at + 1)) {
        const double y = std::stod(text.substr(at + 4));
        EXPECT_GE(y, 12.0);
        EXPECT_LE(y, 222.0);
      }
      EXPECT_THAT(text, HasSubstr("class=\"tick\""));
    }
}

TEST(SvgChart, ANarrowLogarithmicRangeHasMarks) {
  const std::string text = svg({"c", "", {{"s", {{1, 0.41}, {2, 0.43}}, false, false}}, true, false, 0});
  std::size_t marks = 0;  // of the y axis
  for (std::size_t at = text.find("\"end\""); at != std::string::npos; at = text.find("\"end\"", at + 1)) ++marks;
  EXPECT_GE(marks, 2u);
}

TEST(SvgChart, ConstantAndSinglePointsAreDrawn) {
  for (const double value : {0.0, 5.0, -5.0}) {
    const std::string text = svg({"c", "", {{"s", {{1, value}}, false, true}}, false, true, 0});
    EXPECT_THAT(text, AllOf(HasSubstr("<circle"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
  }
  EXPECT_THAT(svg({"c", "", {{"s", {{1, 0.0}}, false, false}}, true, false, 0}), HasSubstr("nothing yet"));
}

TEST(SvgChart, NumbersAreShort) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.00031), "0.00031");
  EXPECT_EQ(short_number(2.35), "2.35");
  EXPECT_EQ(short_number(48200), "48.2k");
  EXPECT_EQ(short_number(1204000), "1.204M");
  EXPECT_EQ(short_number(-3e9), "-3G");
}

}  // namespace
}  // namespace baleen::report
