#pragma once
// The border between exceptions and people: every verb of both programs runs inside it.

#include <functional>

namespace baleen::apps {

/// Returns what `verb` returns. An exception becomes one message on stderr (and in the run's log) and its exit code:
/// core::Error its own, std::bad_alloc 50, anything else 70.
int run_verb(const std::function<int()>& verb);

}  // namespace baleen::apps
