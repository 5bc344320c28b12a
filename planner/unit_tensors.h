#pragma once
// The tensors of a micro-batch on one tensor rank, of which memory and work are made up.

#include "planner/units.h"

namespace baleen::planner {

/// By name, in bytes: formulas then read like the modules.
struct Tensors {
  explicit Tensors(const ComputeShape& s)
      : x(s.outer_tokens * s.dim * s.size),
        all_x(s.tokens * s.dim * s.size),
        rstd(s.outer_tokens * s.wide),
        qkv(s.tokens * s.qkv() * s.size),
        q(s.tokens * s.q() * s.size),
        lse(s.tokens * s.heads * s.wide),
        ffn(s.tokens * s.ffn * s.size),
        gathered_x(s.splits_tokens ? all_x : 0) {}
  std::int64_t x, all_x, rstd, qkv, q, lse, ffn;
  std::int64_t gathered_x;  // all tokens of an x that has a part of them
};

}  // namespace baleen::planner
