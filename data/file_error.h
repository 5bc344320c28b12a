#pragma once
// What the operating system said about a file, as the one error that people see.

#include <filesystem>
#include <string>

#include "core/error.h"

namespace baleen::data {

/// As core::storage_error, but what the user can change (a wrong path, permissions) is a usage error: of data files,
/// the names come from the command line.
core::Error file_error(const std::string& action, const std::filesystem::path& path, int error_number);

}  // namespace baleen::data
