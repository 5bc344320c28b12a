#include "apps/machine.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/compute_program.h"
#include "core/filesystem.h"
#include "core/version.h"

namespace baleen::apps {
namespace {

namespace fs = std::filesystem;

/// The value of `key` in a file of `key : value` lines, or empty.
std::string field_of(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (line.rfind(key, 0) != 0 || colon == std::string::npos) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return "";
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

double gib(double bytes) {
  return bytes / (1 << 30);
}

Finding processor() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  const int cores = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 0;
  const long present = sysconf(_SC_NPROCESSORS_ONLN);
  Finding finding{"processor",
                  fmt::format("{}, {} of {} cores usable", field_of("/proc/cpuinfo", "model name"), cores, present)};
  const std::string flags = field_of("/proc/cpuinfo", "flags");
  if (flags.find("avx2") == std::string::npos && !flags.empty()) {
    finding.verdict = Verdict::note;
    finding.advice = "no AVX2: matrix products on the CPU will be slow";
  }
  return finding;
}

/// A note with `advice` where there is less than `needed`.
Finding sized(const char* name, const std::string& text, double have, double needed, const char* advice) {
  if (have >= needed) return {name, text};
  return {name, text, Verdict::note, advice};
}

/// What a user may write to the file system of `path`; none where it cannot be asked.
std::optional<double> free_gib(const char* path) {
  struct statvfs space {};
  if (::statvfs(path, &space) != 0) return std::nullopt;
  return gib(static_cast<double>(space.f_bavail) * static_cast<double>(space.f_frsize));
}

Finding memory() {
  const double total = gib(1024.0 * std::atof(field_of("/proc/meminfo", "MemTotal").c_str()));
  const double available = gib(1024.0 * std::atof(field_of("/proc/meminfo", "MemAvailable").c_str()));
  return sized("memory", fmt::format("{:.1f} GiB, {:.1f} GiB available", total, available), available, 4,
               "building needs about 2 GiB a job: build with fewer (ninja -j1)");
}

Finding disk() {
  const auto available = free_gib(".");
  if (!available) return {"disk", "not readable", Verdict::note, "look at the current folder"};
  return sized("disk", fmt::format("{:.1f} GiB free in {}", *available, fs::current_path().string()), *available, 10,
               "LibTorch with a build takes about 5 GiB, and checkpoints 12 bytes a parameter");
}

/// What Baleen keeps between runs, and what ./bootstrap fetches.
Finding cache() {
  const fs::path folder = core::cache_folder();
  if (folder.empty()) return {"cache", "none: HOME is not set", Verdict::note, "export BALEEN_CACHE=FOLDER"};
  fs::path there = fs::absolute(folder);
  std::error_code ignored;
  while (!fs::exists(there, ignored)) there = there.parent_path();
  if (fs::is_directory(there, ignored) && ::access(there.c_str(), W_OK) == 0) return {"cache", folder.string()};
  return {"cache", fmt::format("cannot write to {}", folder.string()), Verdict::note,
          "name another folder for what is kept between runs: export BALEEN_CACHE=FOLDER"};
}

Finding shared_memory() {
  const auto size = free_gib("/dev/shm");
  if (!size) return {"/dev/shm", "missing", Verdict::note, "ranks on one node talk through it: mount a tmpfs there"};
  return sized("/dev/shm", fmt::format("{:.2f} GiB free", *size), *size, 0.25,
               "MPI and NCCL need about 64 MiB a rank; in a container: --shm-size=1g");
}

std::string limit_text(int resource) {
  struct rlimit limit {};
  if (::getrlimit(resource, &limit) != 0) return "unknown";
  return limit.rlim_cur == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit.rlim_cur);
}

Finding limits() {
  constexpr rlim_t kFewFiles = 1024;
  Finding finding{"limits", fmt::format("open files {}, locked memory {}, stack {}", limit_text(RLIMIT_NOFILE),
                                        limit_text(RLIMIT_MEMLOCK), limit_text(RLIMIT_STACK))};
  struct rlimit files {};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kFewFiles) {
    finding.verdict = Verdict::note;
    finding.advice = "few open files: ulimit -n 4096";
  }
  return finding;
}

Finding environment() {
  std::string set;
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_PROC_BIND", "CUDA_VISIBLE_DEVICES",
                           "NCCL_NVLS_ENABLE", "ATEN_CPU_CAPABILITY"})
    if (const char* value = std::getenv(name)) set += fmt::format("{}{}={}", set.empty() ? "" : " ", name, value);
  return {"environment", set.empty() ? "no variable that steers threads or GPUs is set" : set};
}

Finding mpi() {
  const CommandResult found = run_command("mpirun --version");
  if (found.status != 0)
    return {"MPI", "mpirun was not found", Verdict::missing, "apt-get install openmpi-bin libopenmpi-dev"};
  Finding finding{"MPI", first_line(found.output)};
  if (::geteuid() == 0 && !(std::getenv("OMPI_ALLOW_RUN_AS_ROOT") && std::getenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"))) {
    finding.verdict = Verdict::note;
    finding.advice = "you are root: export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1";
  }
  return finding;
}

std::vector<Finding> graphics_processors() {
  const CommandResult found =
      run_command("timeout 20 nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader");
  if (found.status != 0) return {{"GPU", "none (nvidia-smi finds no NVIDIA GPU); Baleen computes on the CPU"}};
  std::vector<Finding> findings;
  std::istringstream lines(found.output);
  for (std::string line; std::getline(lines, line);) findings.push_back({"GPU", line});
  if (!core::built_with_cuda() && !findings.empty()) {
    findings.front().verdict = Verdict::note;
    findings.front().advice = "this build computes on the CPU only: ./bootstrap build gpu";
  }
  return findings;
}

/// Starts baleen-compute, which fails where a library it links is missing.
std::vector<Finding> compute() {
  const std::string program = compute_program().string();
  if (::access(program.c_str(), X_OK) != 0)
    return {
        {"training", program + " is not there: train and generate cannot run", Verdict::missing, "./bootstrap build"}};
  const CommandResult found = run_command("timeout 60 '" + program + "' version");
  if (found.status != 0)
    return {{"training", first_line(found.output), Verdict::missing, "./bootstrap setup fetches LibTorch"}};
  std::vector<Finding> findings;
  std::istringstream lines(found.output);
  for (std::string line; std::getline(lines, line);) findings.push_back({"library", line});
  return findings;
}

}  // namespace

CommandResult run_command(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) return {127, ""};
  CommandResult result;
  std::array<char, 4096> block{};
  while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe))
    result.output.append(block.data(), got);
  const int status = ::pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  while (!result.output.empty() && result.output.back() == '\n') result.output.pop_back();
  return result;
}

std::vector<Finding> examine_machine() {
  std::vector<Finding> findings{processor(),     memory(), disk(),        cache(),
                                shared_memory(), limits(), environment(), mpi()};
  for (std::vector<Finding> more : {graphics_processors(), compute()})
    findings.insert(findings.end(), more.begin(), more.end());
  return findings;
}

}  // namespace baleen::apps
