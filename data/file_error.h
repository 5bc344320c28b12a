#pragma once
// What the operating system said about a file, as the one error that people see.

#include <filesystem>
#include <string>

#include "core/error.h"

namespace baleen::data {

/// "cannot ACTION PATH: REASON", with the next action that fits `error_number`. A disk that is full, read-only or
/// failing is storage trouble; everything else is the user's to change.
core::Error file_error(const std::string& action, const std::filesystem::path& path, int error_number);

}  // namespace baleen::data
