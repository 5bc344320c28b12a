#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "parallel/schedule.h"

namespace baleen::parallel {
namespace {

void forward(StageSchedule& list, int stage, int micro_batch) {
  list.push_back({StageOp::forward, stage, micro_batch});
}

void backward_input(StageSchedule& list, int stage, int micro_batch) {
  list.push_back({StageOp::backward_input, stage, micro_batch});
}

void backward_weight(StageSchedule& list, int stage, int micro_batch) {
  list.push_back({StageOp::backward_weight, stage, micro_batch});
}

void backward(StageSchedule& list, int stage, int micro_batch) {
  backward_input(list, stage, micro_batch);
  backward_weight(list, stage, micro_batch);
}

/// All forwards, then all backwards (Huang et al. 2019).
StageSchedule gpipe(const PipelineShape& shape, int rank) {
  StageSchedule list;
  for (int m = 0; m < shape.micro_batches; ++m) forward(list, rank, m);
  for (int m = 0; m < shape.micro_batches; ++m) backward(list, rank, m);
  return list;
}

// [walkthrough: schedule]
/// Forwards until the first gradient can come back, then one forward, one backward (Narayanan et al. 2019).
StageSchedule one_forward_one_backward(const PipelineShape& shape, int rank) {
  const int ahead = std::min(shape.ranks - 1 - rank, shape.micro_batches);
  StageSchedule list;
  for (int m = 0; m < ahead; ++m) forward(list, rank, m);
  for (int m = 0; m < shape.micro_batches; ++m) {
    if (m + ahead < shape.micro_batches) forward(list, rank, m + ahead);
    backward(list, rank, m);
  }
  return list;
}
// [end]

/// One forward, one backward over several stages a rank: as many micro-batches as there are ranks pass one stage, then
/// the next (Narayanan et al. 2021). A last group that is not full is laid out as if it were: the places of the
/// micro-batches that are not there stay empty, which keeps the order free of deadlock for any number of them.
StageSchedule interleaved(const PipelineShape& shape, int rank) {
  const int ranks = shape.ranks;
  const int stages = shape.virtual_stages;
  const int micro_batches = shape.micro_batches;
  if (stages == 1) return one_forward_one_backward(shape, rank);
  const int total = (micro_batches + ranks - 1) / ranks * ranks * stages;
  const int ahead = std::min(2 * (ranks - 1 - rank) + (stages - 1) * ranks, total);
  StageSchedule list;
  for (int k = 0; k < total + ahead; ++k) {
    const auto micro_batch = [&](int place) { return place / (ranks * stages) * ranks + place % ranks; };
    const auto stage = [&](int place) { return place / ranks % stages; };
    if (k < total && micro_batch(k) < micro_batches) forward(list, stage(k) * ranks + rank, micro_batch(k));
    const int back = k - ahead;
    if (back >= 0 && micro_batch(back) < micro_batches)
      backward(list, (stages - 1 - stage(back)) * ranks + rank, micro_batch(back));
  }
  return list;
}

/// ZB-H1 (Qi et al. 2023): 1f1b with the weight parts of rank r delayed by r micro-batches, so that gradients travel
/// back without waiting for them; they fill the pauses at the end. No rank keeps more micro-batches than rank 0 of
/// 1f1b.
StageSchedule zero_bubble(const PipelineShape& shape, int rank) {
  const int ahead = std::min(shape.ranks - 1 - rank, shape.micro_batches);
  StageSchedule list;
  int weight = 0;
  for (int m = 0; m < ahead; ++m) forward(list, rank, m);
  for (int m = 0; m < shape.micro_batches; ++m) {
    const bool steady = m + ahead < shape.micro_batches;
    if (steady) forward(list, rank, m + ahead);
    backward_input(list, rank, m);
    if (!steady || m >= rank) backward_weight(list, rank, weight++);
  }
  while (weight < shape.micro_batches) backward_weight(list, rank, weight++);
  return list;
}

/// A rank without others: no reason to keep more than one micro-batch.
StageSchedule one_rank(const PipelineShape& shape) {
  StageSchedule list;
  for (int m = 0; m < shape.micro_batches; ++m) {
    for (int stage = 0; stage < shape.stages(); ++stage) forward(list, stage, m);
    for (int stage = shape.stages() - 1; stage >= 0; --stage) backward(list, stage, m);
  }
  return list;
}

/// To add a schedule: a builder above, a row here.
struct Kind {
  std::string_view name;
  StageSchedule (*build)(const PipelineShape& shape, int rank);
  bool virtual_stages;
};
constexpr Kind kKinds[] = {{"gpipe", gpipe, false},
                           {"1f1b", one_forward_one_backward, false},
                           {"interleaved", interleaved, true},
                           {"zero_bubble", zero_bubble, false}};

const Kind& kind_of(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& kind) { return kind.name == name; });
  if (found != std::end(kKinds)) return *found;
  throw core::Error(core::ExitCode::usage, fmt::format("parallelism.schedule = \"{}\" is not known", name),
                    fmt::format("choose one of {}", fmt::join(schedule_names(), ", ")));
}

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  return names;
}

bool takes_virtual_stages(std::string_view name) {
  return kind_of(name).virtual_stages;
}

std::vector<StageSchedule> build_schedule(std::string_view name, const PipelineShape& shape) {
  const Kind& kind = kind_of(name);
  core::require(shape.ranks >= 1 && shape.virtual_stages >= 1 && shape.micro_batches >= 1,
                "a pipeline has no empty axis");
  if (shape.virtual_stages > 1 && !kind.virtual_stages)
    throw core::Error(core::ExitCode::usage,
                      fmt::format("parallelism.schedule = \"{}\" has one stage a rank, not virtual_stages = {}", name,
                                  shape.virtual_stages),
                      "set parallelism.virtual_stages = 1 or schedule = \"interleaved\"");
  if (shape.ranks == 1) return {one_rank(shape)};
  std::vector<StageSchedule> lists;
  lists.reserve(static_cast<std::size_t>(shape.ranks));
  for (int rank = 0; rank < shape.ranks; ++rank) lists.push_back(kind.build(shape, rank));
  return lists;
}

std::vector<StageSchedule> forward_schedule(const PipelineShape& shape) {
  std::vector<StageSchedule> lists(static_cast<std::size_t>(shape.ranks));
  for (int first = 0; first < shape.micro_batches; first += shape.ranks) {
    const int end = std::min(first + shape.ranks, shape.micro_batches);
    for (int stage = 0; stage < shape.stages(); ++stage)
      for (int m = first; m < end; ++m) forward(lists[static_cast<std::size_t>(shape.rank_of(stage))], stage, m);
  }
  return lists;
}

}  // namespace baleen::parallel
