#pragma once
// Files read and written whole, with errors that name the path and the cause.

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"

namespace baleen::core {

/// "cannot ACTION PATH: REASON" with the next action that fits `error_number` (errno): disk full, read-only, no
/// permission, no such file, ...
Error storage_error(const std::string& action, const std::filesystem::path& path, int error_number);

/// Throws Error(storage).
std::string read_file(const std::filesystem::path& path);

/// Replaces the file whole: a temporary beside it, fsync, rename, fsync of the folder. A reader, and whoever comes
/// after a crash, sees all of the old or all of the new. Throws Error(storage); the old content and no temporary stay
/// then.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Makes the folder and those above it. Throws Error(storage).
void make_folder(const std::filesystem::path& path);

/// Makes renames and new names in the folder durable. Throws Error(storage).
void sync_folder(const std::filesystem::path& path);

/// What Baleen keeps between runs, for this user: BALEEN_CACHE, else XDG_CACHE_HOME/baleen, else ~/.cache/baleen; empty
/// where the environment names none of them. It may not exist.
std::filesystem::path cache_folder();

}  // namespace baleen::core
