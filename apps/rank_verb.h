#pragma once
// A verb that runs as several ranks ends for all of them with one message.

#include <functional>

#include "parallel/agreement.h"

namespace baleen::apps {

/// Inside run_verb(): returns what `verb` returns. What it throws on one rank is that rank's to tell; where all ranks
/// know of it, one tells it. LibTorch's errors come out as ours; `less_memory` is the
/// advice where memory ran out.
int rank_verb(const std::function<int()>& verb, const char* less_memory = parallel::kSmallerSteps);

/// The end of main(): returns `code` where the run ended well, otherwise ends all ranks with it.
int end_ranks(int code);

}  // namespace baleen::apps
