// Runs a fuzz target without a fuzzer: every file of the corpus, every seed, and mutations of them that are the same
// each time. `DRIVER CORPUS MUTATIONS` runs; `DRIVER --seeds FOLDER` writes the seeds for libFuzzer.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

namespace fs = std::filesystem;

volatile sig_atomic_t current = 0;  // mutation under way

void report_death(int number) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "died in run %d\n", static_cast<int>(current));
  if (::write(STDERR_FILENO, text, static_cast<std::size_t>(length)) != length) ::_exit(1);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  current = current + 1;
}

/// One to four small changes: bits, bytes, numbers at their limits, cuts, repeats.
std::string mutated(std::string input, std::mt19937& random) {
  const auto below = [&](std::size_t end) { return end == 0 ? 0 : random() % end; };
  for (std::size_t changes = 1 + below(4); changes > 0 && !input.empty(); --changes) {
    const std::size_t at = below(input.size());
    switch (random() % 6) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
        break;
      case 1:
        input[at] = static_cast<char>(random());
        break;
      case 2:
        input.replace(at, std::min<std::size_t>(8, input.size() - at), 8, random() % 2 == 0 ? '\xFF' : '\0');
        break;
      case 3:
        input.resize(at);
        break;
      case 4:
        input.insert(at, input.substr(below(input.size()), 1 + below(32)));
        break;
      default:
        input.erase(at, 1 + below(32));
    }
  }
  return input;
}

std::vector<std::string> corpus(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::is_directory(folder)) files.assign(fs::directory_iterator(folder), {});
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs = fuzz_seeds();
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

int write_seeds(const fs::path& folder) {
  int number = 0;
  for (const std::string& seed : fuzz_seeds()) {
    std::ofstream(folder / ("seed-" + std::to_string(number++)), std::ios::binary) << seed;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--seeds") == 0) return write_seeds(argv[2]);
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s CORPUS MUTATIONS | --seeds FOLDER\n", argv[0]);
    return 2;
  }
  for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) ::signal(number, report_death);
  const std::vector<std::string> inputs = corpus(argv[1]);
  if (inputs.empty()) {
    std::fprintf(stderr, "no inputs in %s\n", argv[1]);
    return 1;
  }
  run("");
  for (const std::string& input : inputs) run(input);
  std::mt19937 random(20240229);
  for (int mutation = 0; mutation < std::stoi(argv[2]); ++mutation) {
    run(mutated(inputs[random() % inputs.size()], random));
  }
  std::printf("%d inputs ran\n", static_cast<int>(current));
  return 0;
}
