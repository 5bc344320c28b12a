#include "launch/gpus.h"

#include <fmt/format.h>

#include <set>

#include "core/counted.h"
#include "core/error.h"

namespace baleen::launch {

int pick_gpu(const std::vector<GpuView>& views, int local_rank, const std::string& host) {
  const int seen = views[static_cast<std::size_t>(local_rank)].count;
  const auto ranks = static_cast<int>(views.size());
  if (seen >= ranks) return local_rank;
  std::set<GpuId> different;
  for (const GpuView& view : views)
    if (view.count == 1) different.insert(view.first);
  if (static_cast<int>(different.size()) == ranks) return 0;
  throw core::Error(
      core::ExitCode::environment,
      fmt::format("{} {} started on {}, where each sees {}", core::counted(ranks, "rank"), ranks == 1 ? "was" : "were",
                  host, core::counted(seen, "GPU")),
      fmt::format("start at most {} per node (mpirun --map-by ppr:{}:node), or set launch.device = \"cpu\"", seen,
                  seen));
}

}  // namespace baleen::launch
