#pragma once
// What core/filesystem.h lacks for checkpoints: renames that last, and a directory that replaces another.
// Failures are Error(storage) with path and reason.

#include <filesystem>
#include <vector>

namespace baleen::checkpoint {

/// The file's bytes are on the disk when this returns.
void sync_file(const std::filesystem::path& path);

/// Renames within one directory and syncs that. An existing file `to` is replaced.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// The directory `from` takes the name `to`, at which a directory may stand: that one then has the name `from`, in one
/// step where the file system can do it. Otherwise it takes the name `aside` just before; killed between the two,
/// `aside` is what a reader finds (Mark::replaced). Returns where the old directory went, an empty path where there was
/// none.
std::filesystem::path replace_directory(const std::filesystem::path& from, const std::filesystem::path& to,
                                        const std::filesystem::path& aside);

/// Everything that stands in a directory.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory);

/// With all that is in it.
void remove_directory(const std::filesystem::path& path);
/// The same; it has the name `aside` first, so that no reader meets half of it.
void take_away(const std::filesystem::path& path, const std::filesystem::path& aside);

}  // namespace baleen::checkpoint
