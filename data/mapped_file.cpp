#include "data/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <mutex>

#include "core/error.h"
#include "core/file_descriptor.h"
#include "data/file_error.h"

namespace baleen::data {
namespace {

/// The files of this process, for the handler. A run maps two; files beyond the last place are mapped but not known.
std::array<std::atomic<const MappedFile*>, 64> g_files;
static_assert(std::atomic<const MappedFile*>::is_always_lock_free);
struct sigaction g_before;

extern "C" void on_bus_error(int signal, siginfo_t* info, void*) {
  for (const auto& entry : g_files)
    if (const MappedFile* file = entry.load()) file->end_if_at(info->si_addr);
  // None of ours. With the old handler back, the access happens again as soon as this one returns.
  ::sigaction(SIGBUS, &g_before, nullptr);
  if (info->si_code <= 0) ::raise(signal);  // somebody sent it
}

void catch_bus_errors() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  core::require(::sigaction(SIGBUS, &action, &g_before) == 0, "the kernel knows SIGBUS");
}

/// Puts `now` where `before` was.
void exchange(const MappedFile* before, const MappedFile* now) {
  for (auto& entry : g_files) {
    const MappedFile* expected = before;
    if (entry.compare_exchange_strong(expected, now)) return;
  }
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path.string()) {
  const core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw file_error("open", path, errno);
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) throw file_error("inspect", path, errno);
  const auto size = static_cast<std::size_t>(status.st_size);
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) throw file_error("map", path, errno);
  bytes_ = {static_cast<const std::byte*>(mapped), size};

  constexpr const char* kNext = "a run that was training goes on from its newest checkpoint with --resume";
  cut_ = fmt::format(
      "baleen: {} became shorter while it was in use: it was cut, or written anew in place\n"
      "  put back the file as it was, and leave it alone while it is read; {}\n",
      path_, kNext);
  failed_ = fmt::format(
      "baleen: {} can no longer be read: its disk or network file system failed\n"
      "  look at the disk, or copy the file to another one; {}\n",
      path_, kNext);
  static std::once_flag caught;
  std::call_once(caught, catch_bus_errors);
  exchange(nullptr, this);
}

MappedFile::~MappedFile() {
  exchange(this, nullptr);
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::end_if_at(const void* address) const {
  const auto* at = static_cast<const std::byte*>(address);
  const std::less<> before;
  if (before(at, bytes_.data()) || !before(at, bytes_.data() + bytes_.size())) return;
  struct stat status = {};
  const bool cut = ::stat(path_.c_str(), &status) == 0 && static_cast<std::size_t>(status.st_size) < bytes_.size();
  const std::string& message = cut ? cut_ : failed_;
  [[maybe_unused]] const ssize_t told = ::write(STDERR_FILENO, message.data(), message.size());
  ::_exit(static_cast<int>(core::ExitCode::storage));
}

}  // namespace baleen::data
