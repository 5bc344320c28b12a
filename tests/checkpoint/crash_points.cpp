#include "tests/checkpoint/crash_points.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace baleen::checkpoint {
namespace {

int changes_left = 0;  // 0: no crash
bool exchange_refused = false;

void before_change() {
  if (changes_left > 0 && --changes_left == 0) ::_exit(kCrashed);
}

int rename_names(int from_folder, const char* from, int to_folder, const char* to, unsigned int flags) {
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

}  // namespace

void crash_before_change(int n) {
  changes_left = n;
}

void refuse_exchange() {
  exchange_refused = true;
}

}  // namespace baleen::checkpoint

extern "C" {

int rename(const char* from, const char* to) noexcept {
  baleen::checkpoint::before_change();
  return baleen::checkpoint::rename_names(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned int flags) noexcept {
  if (baleen::checkpoint::exchange_refused && (flags & RENAME_EXCHANGE) != 0) {
    errno = EINVAL;
    return -1;
  }
  baleen::checkpoint::before_change();
  return baleen::checkpoint::rename_names(from_folder, from, to_folder, to, flags);
}

int unlinkat(int folder, const char* name, int flags) noexcept {
  baleen::checkpoint::before_change();
  return static_cast<int>(::syscall(SYS_unlinkat, folder, name, flags));
}

}  // extern "C"
