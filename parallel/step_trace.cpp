#include "parallel/step_trace.h"

#include <c10/core/StreamGuard.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/error.h"

namespace baleen::parallel {
namespace {

StepTrace* where_recording(StepTrace* trace) {
  return trace != nullptr && trace->recording() ? trace : nullptr;
}

double host_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

int StepTrace::now() {
  clock_->mark(moments_);
  return moments_++;
}

int StepTrace::now_on(const std::optional<c10::Stream>& stream) {
  if (!stream) return now();
  const c10::StreamGuard guard(*stream);
  return now();
}

void StepTrace::start(c10::Device device) {
  clock_ = make_device_clock(device);
  entries_.clear();
  moments_ = 0;
  recording_ = true;
  open({.kind = TracedSpan::Kind::step, .name = "step"});
}

void StepTrace::stop() {
  close(0);
  recording_ = false;
}

std::size_t StepTrace::open(TracedSpan span) {
  entries_.push_back({std::move(span), now()});
  return entries_.size() - 1;
}

void StepTrace::close(std::size_t span) {
  entries_[span].end = now();
}

std::size_t StepTrace::open_operation(TracedSpan span, const std::optional<c10::Stream>& stream,
                                      std::optional<std::size_t> before) {
  const std::size_t operation = open(std::move(span));
  if (!stream) return operation;
  entries_[operation].begin_there = now_on(stream);
  entries_[operation].before = before;
  return operation;
}

void StepTrace::close_operation(std::size_t operation, const std::optional<c10::Stream>& stream) {
  entries_[operation].end = now_on(stream);
}

RankTrace StepTrace::take() {
  core::require(clock_ != nullptr && !recording_, "a trace is taken after its step");
  const int last = entries_.front().end;
  const double passed = clock_->seconds(0, now());
  const double zero = host_seconds() - passed;  // on the host's clock
  std::vector<TracedSpan> spans;
  for (Entry& entry : entries_) {
    TracedSpan span = std::move(entry.span);
    span.start = zero + clock_->seconds(0, entry.begin);
    if (entry.begin_there >= 0) span.start = std::max(span.start, zero + clock_->seconds(0, entry.begin_there));
    if (entry.before) span.start = std::max(span.start, spans[*entry.before].end);
    span.end = std::max(span.start, zero + clock_->seconds(0, entry.end >= 0 ? entry.end : last));
    spans.push_back(std::move(span));
  }
  entries_.clear();
  clock_.reset();
  return spans;
}

TracedScope::TracedScope(StepTrace* trace, const char* phase) : trace_(where_recording(trace)) {
  if (trace_ != nullptr) span_ = trace_->open({.kind = TracedSpan::Kind::phase, .name = phase});
}

TracedScope::TracedScope(StepTrace* trace, const UnitAction& action, const std::string& unit)
    : trace_(where_recording(trace)) {
  if (trace_ == nullptr) return;
  span_ = trace_->open(
      {.kind = TracedSpan::Kind::action, .name = std::string(name(action.op)), .action = action, .unit = unit});
}

}  // namespace baleen::parallel
