#pragma once
// The system calls by which a save changes names and makes them last, under the test's control: this program's own
// definitions of them stand before the C library's.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace baleen::checkpoint {

/// Does `work` in a child that is killed before its `n`th change of a name (rename, exchange, removal); true where it
/// had fewer and came to its end.
bool survives(int n, const std::function<void()>& work);

/// As on NFS: exchanging two names is refused from now on. For a child.
void refuse_exchange();

/// What `work` does to names below `folder`, in its order: "sync NAME", "rename NAME to NAME", "exchange NAME and
/// NAME", "remove NAME". NAME is relative to `folder`; that of a temporary is without the number of the process.
std::vector<std::string> changes_of_names(const std::filesystem::path& folder, const std::function<void()>& work);

}  // namespace baleen::checkpoint
