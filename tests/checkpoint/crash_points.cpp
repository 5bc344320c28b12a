#include "tests/checkpoint/crash_points.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr int kCrashed = 99;

int changes_left = 0;  // 0: no crash
bool exchange_refused = false;
std::vector<std::string>* changes = nullptr;  // being noted
fs::path noted_folder;

void before_change() {
  if (changes_left > 0 && --changes_left == 0) ::_exit(kCrashed);
}

/// What is open as this file.
fs::path name_of(int file) {
  std::error_code none;
  return fs::read_symlink("/proc/self/fd/" + std::to_string(file), none);
}

std::string noted(const fs::path& path) {
  const std::string name = path.lexically_relative(noted_folder).string();
  const std::string temporary = "." + std::to_string(::getpid()) + ".tmp";  // of core::write_file_atomically
  return name.ends_with(temporary) ? name.substr(0, name.size() - temporary.size()) + ".tmp" : name;
}

int rename_names(int from_folder, const char* from, int to_folder, const char* to, unsigned int flags) {
  before_change();
  const bool exchanges = (flags & RENAME_EXCHANGE) != 0;
  if (changes != nullptr)
    changes->push_back((exchanges ? "exchange " : "rename ") + noted(from) + (exchanges ? " and " : " to ") +
                       noted(to));
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

}  // namespace

bool survives(int n, const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    changes_left = n;
    work();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == kCrashed)) << status;
  return status == 0;
}

void refuse_exchange() {
  exchange_refused = true;
}

std::vector<std::string> changes_of_names(const fs::path& folder, const std::function<void()>& work) {
  std::vector<std::string> all;
  noted_folder = folder;
  changes = &all;
  work();
  changes = nullptr;
  return all;
}

}  // namespace baleen::checkpoint

extern "C" {

int rename(const char* from, const char* to) noexcept {
  return baleen::checkpoint::rename_names(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned int flags) noexcept {
  if (baleen::checkpoint::exchange_refused && (flags & RENAME_EXCHANGE) != 0) {
    errno = EINVAL;
    return -1;
  }
  return baleen::checkpoint::rename_names(from_folder, from, to_folder, to, flags);
}

int unlinkat(int folder, const char* name, int flags) noexcept {
  using namespace baleen::checkpoint;
  before_change();
  if (changes != nullptr)
    changes->push_back("remove " + noted(folder == AT_FDCWD ? fs::path(name) : name_of(folder) / name));
  return static_cast<int>(::syscall(SYS_unlinkat, folder, name, flags));
}

int fsync(int file) {
  using namespace baleen::checkpoint;
  if (changes != nullptr) changes->push_back("sync " + noted(name_of(file)));
  return static_cast<int>(::syscall(SYS_fsync, file));
}

}  // extern "C"
