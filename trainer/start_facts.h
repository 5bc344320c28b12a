#pragma once
// What the ranks of a run must have in common before it starts: for parallel::require_in_common().

#include <vector>

#include "parallel/agreement.h"
#include "trainer/run.h"

namespace baleen::trainer {

/// The program, and the libraries that it has loaded, by their build ids. Not the GPU's driver: nodes are updated one
/// by one.
std::vector<parallel::CommonFact> build_facts();

/// What a rank was asked for: each key of the configuration, the run directory, the step to go on from, and the content
/// of the datasets, by their digests. Opens these; throws as read_dataset_info() does.
std::vector<parallel::CommonFact> request_facts(const RunRequest& request);

}  // namespace baleen::trainer
