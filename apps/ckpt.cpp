// baleen ckpt ls RUN_OR_CHECKPOINT [--tensors]
// baleen ckpt verify RUN_OR_CHECKPOINT [--step N]

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/arguments.h"
#include "apps/dispatch.h"
#include "apps/verbs.h"
#include "checkpoint/directory.h"
#include "checkpoint/reader.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/progress.h"
#include "trainer/metrics.h"

namespace baleen::apps {
namespace {

constexpr auto kStep = checkpoint::StepOption::step;

/// Since "2026-01-31T12:00:00.123456Z"; empty for what is no time.
std::string age(const std::string& saved) {
  std::tm utc{};
  if (::strptime(saved.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) == nullptr) return "";
  const double seconds = std::difftime(std::time(nullptr), ::timegm(&utc));
  constexpr double kDay = 24 * 3600;
  return seconds < 2 * kDay ? trainer::duration(seconds) : fmt::format("{:.0f} days", seconds / kDay);
}

void print_line(const checkpoint::ListedCheckpoint& listed) {
  std::string state = listed.complete() ? "complete" : "damaged: " + listed.fault;
  if (listed.abandoned) state += ", abandoned: " + listed.path.filename().string();
  fmt::print("{:>8}  {:<20} {:>9} {:>11}  {:<6}  {}\n", listed.step,
             listed.saved.empty() ? "-" : listed.saved.substr(0, 19) + "Z", age(listed.saved),
             core::byte_text(listed.bytes), listed.latest ? "LATEST" : "", state);
}

void print_tensors(const checkpoint::Manifest& manifest) {
  fmt::print("\n{:<12} {:<8} {:>11} {:>5}  {:<20} {}\n", "kind", "dtype", "size", "boxes", "shape", "tensor");
  for (const checkpoint::TensorEntry& tensor : manifest.tensors)
    fmt::print("{:<12} {:<8} {:>11} {:>5}  {:<20} {}\n", tensor.kind, core::dtype_name(tensor.dtype),
               core::byte_text(tensor.bytes()), tensor.boxes.size(), fmt::format("[{}]", fmt::join(tensor.shape, ", ")),
               tensor.name);
}

using Listed = std::vector<checkpoint::ListedCheckpoint>;

/// What the marks mean that were printed.
void print_legend(const Listed& all) {
  const auto tell = [&all](bool (*has)(const checkpoint::ListedCheckpoint&), const char* meaning) {
    if (std::ranges::any_of(all, has)) fmt::print("{}\n", meaning);
  };
  tell([](const auto& listed) { return listed.complete(); },
       "complete: every file is there in its length, config.toml as it was saved; `baleen ckpt verify` compares every "
       "byte");
  tell([](const auto& listed) { return !listed.complete(); },
       "damaged: what is named is missing or not as it was saved; nothing loads it");
  tell([](const auto& listed) { return listed.latest; },
       "LATEST: the newest of the run, which --resume and generate take where it is complete");
  tell([](const auto& listed) { return listed.abandoned; },
       "abandoned: the run went on from an older step; only who names its path takes it");
}

/// What --resume does with the run, and the remedy; or, for a damaged checkpoint by itself, what is beside it.
std::string next_action(const std::string& path, const char* remedy) {
  try {
    const auto newest = checkpoint::newest_checkpoint(path);
    if (!newest && !checkpoint::list_abandoned(path).empty())
      return "restore it from a copy, or copy an abandoned one to NEW_RUN/checkpoints/step-NNNNNNNN and resume there";
    if (!newest) return checkpoint::next_action_for_damage(path, checkpoint::StepOption::resume);
    const auto listed = checkpoint::with_file_lengths(checkpoint::inspect_checkpoint(newest->path));
    if (listed.complete())
      return fmt::format("--resume goes on from step {}, which is complete; {}", listed.step, remedy);
    return checkpoint::next_action_for_damage(newest->path, checkpoint::StepOption::resume);
  } catch (const core::Error& none) {
    if (none.code() != core::ExitCode::corrupt_checkpoint) throw;
    return none.next_action();
  }
}

/// Throws Error(corrupt_checkpoint) where something is wrong. What was left behind counts for nothing.
void judge(const std::string& path, const Listed& all) {
  constexpr const char* kWritesLatest = "then LATEST names that";
  std::string told = checkpoint::fault_of_latest(path);
  const bool names_none = !told.empty();
  const bool of_a_run = !checkpoint::list_checkpoints(path).empty();
  if (!names_none && of_a_run && std::ranges::none_of(all, &checkpoint::ListedCheckpoint::latest))
    told = "there is no LATEST";  // which alone is no fault
  const auto damaged = std::ranges::count_if(
      all, [](const checkpoint::ListedCheckpoint& listed) { return !listed.abandoned && !listed.complete(); });
  if (damaged > 0) told += fmt::format("{}{} damaged", told.empty() ? "" : "; ", core::counted(damaged, "checkpoint"));
  if (names_none || damaged > 0)
    throw core::Error(core::ExitCode::corrupt_checkpoint, fmt::format("{}: {}", path, told),
                      next_action(path, damaged > 0 ? "delete what is damaged" : kWritesLatest));
  if (!told.empty()) fmt::print("{}: {}\n", told, next_action(path, kWritesLatest));
}

int list(int argc, char** argv) {
  std::string path;
  bool tensors = false;
  Arguments arguments(argv[0], "Lists the checkpoints of a run.");
  arguments.positional("RUN_OR_CHECKPOINT", path, "Folder of a run, or one checkpoints/step-* folder in it")
      .flag("--tensors", tensors, "The tensors of the checkpoint, of a run's newest one");
  if (!arguments.parse(argc, argv)) return 0;

  Listed all = checkpoint::list_checkpoints(path);
  std::ranges::move(checkpoint::list_abandoned(path), std::back_inserter(all));
  if (all.empty()) all.push_back(checkpoint::inspect_checkpoint(checkpoint::find_checkpoint(path, {}, kStep).path));
  fmt::print("{:>8}  {:<20} {:>9} {:>11}  {:<6}  {}\n", "step", "saved", "age", "size", "", "state");
  for (checkpoint::ListedCheckpoint& listed : all) {
    listed = checkpoint::with_file_lengths(std::move(listed));
    print_line(listed);
  }
  print_legend(all);
  if (tensors) print_tensors(checkpoint::read_manifest(checkpoint::find_checkpoint(path, {}, kStep).path));
  judge(path, all);
  return 0;
}

/// Reads all of it, and says what it was and how fast; returns what is wrong.
std::vector<std::string> read_all(const checkpoint::CheckpointReader& reader) {
  const checkpoint::Manifest& manifest = reader.manifest();
  std::int64_t total = 0;
  for (const checkpoint::TensorEntry& tensor : manifest.tensors) total += tensor.bytes();
  fmt::print("{}: step {}, {} in {}, {}\n", reader.directory().string(), manifest.step,
             core::counted(std::ssize(manifest.tensors), "tensor"), core::counted(std::ssize(manifest.files), "file"),
             core::byte_text(manifest.bytes()));
  std::fflush(stdout);  // before the bar, which goes to stderr

  const auto start = std::chrono::steady_clock::now();
  std::vector<std::string> faults;
  std::int64_t done = 0;
  {
    core::Progress bar("verifying", total, core::Progress::Unit::bytes);
    faults = reader.verify([&](std::int64_t bytes) { bar.advance(bytes); });
    done = bar.done();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("{} of data read in {:.2f} s, {}/s\n", core::byte_text(done), seconds,
             core::byte_text(static_cast<std::int64_t>(static_cast<double>(done) / std::max(seconds, 1e-6))));
  return faults;
}

int verify(int argc, char** argv) {
  std::string path;
  std::optional<std::int64_t> step;
  Arguments arguments(argv[0], "Reads every byte of a checkpoint and compares it with what was saved.");
  arguments.positional("RUN_OR_CHECKPOINT", path, "Folder of a run (its newest checkpoint), or of one checkpoint")
      .option("--step", step, "The run's checkpoint of this step");
  if (!arguments.parse(argc, argv)) return 0;

  const checkpoint::FoundCheckpoint chosen = checkpoint::find_checkpoint(path, step, kStep);
  // What was passed over on the way to a run's newest one is a fault too.
  for (const std::string& note : chosen.notes) fmt::print("fault: {}\n", note);
  const auto reader = checkpoint::CheckpointReader::open(chosen.path, kStep);
  const std::vector<std::string> faults = read_all(reader);
  for (const std::string& fault : faults) fmt::print("fault: {}\n", fault);
  const auto count = std::ssize(chosen.notes) + std::ssize(faults);
  if (count == 0) {
    fmt::print("sound: every block is as it was saved\n");
    return 0;
  }
  throw core::Error(core::ExitCode::corrupt_checkpoint, fmt::format("{}: {}", path, core::counted(count, "fault")),
                    faults.empty() ? fmt::format("step {} is sound: `baleen train CONFIG --resume` goes on from it",
                                                 reader.manifest().step)
                                   : checkpoint::next_action_for_damage(reader.directory(), kStep));
}

}  // namespace

int checkpoint_main(int argc, char** argv) {
  static constexpr Verb kVerbs[] = {
      {"ls", list, "List the checkpoints of a run: ls RUN_OR_CHECKPOINT [--tensors]"},
      {"verify", verify, "Compare every byte of one with what was saved: verify RUN_OR_CHECKPOINT [--step N]"},
  };
  return dispatch_below(kVerbs, argc, argv);
}

}  // namespace baleen::apps
