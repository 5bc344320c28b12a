#pragma once
// What a run would need and how fast it would be, from its configuration alone: `baleen plan`. No LibTorch.

#include "planner/layouts.h"
#include "planner/memory.h"
#include "planner/time.h"
#include "planner/traffic.h"

namespace baleen::planner {

struct Plan {
  PlannedStep step;
  std::vector<RankMemory> memory;          // of each pipeline rank
  std::vector<parallel::Traffic> traffic;  // likewise, as NCCL carries it
  StepTime time;
  double tokens_per_second_per_gpu = 0;
  double mfu = 0;  // against the dense BF16 peak; 0 where another type computes

  const RankMemory& most_memory() const;
};

/// `config` has passed validate() for so many ranks.
Plan make_plan(const Config& config, int ranks, const Hardware& hardware);

bool fits(const Plan& plan, const Hardware& hardware);

/// What `baleen plan` prints.
std::string describe(const Plan& plan, const Hardware& hardware);
/// `given`: the lines leave out what its file says.
std::string describe(const BestLayouts& best, const Hardware& hardware, int ranks, const Config& given);

}  // namespace baleen::planner
