#pragma once
// The system calls by which a save changes names, under the test's control: this program's own definitions of them
// stand before the C library's. For a forked child.

namespace baleen::checkpoint {

inline constexpr int kCrashed = 99;

/// The `n`th change of a name from now on (rename, exchange, removal) ends the process with kCrashed before it happens.
void crash_before_change(int n);

/// As on NFS: exchanging two names is refused from now on.
void refuse_exchange();

}  // namespace baleen::checkpoint
