#pragma once
// JSON Lines: one object a line, the text of a document under one of its keys.

#include <functional>
#include <string>

#include "data/text_pieces.h"

namespace baleen::data {

/// Calls `take` with the text of each line of `piece` in order; blank lines are skipped. Throws Error(usage) with
/// FILE:LINE for a line that is no JSON object or has no string under `key`.
void for_each_json_text(const TextPiece& piece, const std::string& key,
                        const std::function<void(const std::string&)>& take);

}  // namespace baleen::data
