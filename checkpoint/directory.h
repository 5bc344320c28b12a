#pragma once
// Finds checkpoints in a run directory: RUN/checkpoints/step-00001000, RUN/checkpoints/LATEST. A run directory holds
// one history; what a run left behind by going on from an older step stands aside (checkpoint/branch.h).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace baleen::checkpoint {

std::filesystem::path checkpoints_directory(const std::filesystem::path& run_dir);

struct ListedCheckpoint {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::string saved;       // as in the manifest; empty where not complete
  std::int64_t bytes = 0;  // of all files in it
  bool latest = false;     // LATEST names it
  bool abandoned = false;  // of a branch that the run left
  std::string fault;       // why it is not complete: empty for a complete one
  bool complete() const { return fault.empty(); }
};

/// How the verb that asks takes a step, for advice: --resume=STEP (train) or --step STEP (generate, ckpt verify).
enum class StepOption { resume, step };

/// One directory, whatever its name: the step is that of its manifest, 0 where there is none.
ListedCheckpoint inspect_checkpoint(const std::filesystem::path& path);

/// The same after a look at the length of every file: for people; a start of a thousand ranks has no time for it.
ListedCheckpoint with_file_lengths(ListedCheckpoint listed);

/// All checkpoints of a run's history, ascending by step; without leftovers of saves that died. Empty where there are
/// none.
std::vector<ListedCheckpoint> list_checkpoints(const std::filesystem::path& run_dir);
/// Those of the branches that the run left, ascending by step.
std::vector<ListedCheckpoint> list_abandoned(const std::filesystem::path& run_dir);

/// What is wrong with a run's LATEST: it names no checkpoint that stands. Empty where nothing is, also where there is
/// no LATEST, as after a run that was killed at the end of its first save.
std::string fault_of_latest(const std::filesystem::path& run_dir);

/// Of two complete checkpoints, by time and then by step.
bool saved_before(const ListedCheckpoint& a, const ListedCheckpoint& b);

struct FoundCheckpoint {
  std::filesystem::path path;
  std::vector<std::string> notes;  // one line for each that was passed over, with the reason
};

/// The checkpoint that LATEST names if it is complete (its manifest is there and sound), otherwise the newest complete
/// one of a lower step: what lies beyond LATEST may be of a branch that the run was about to leave. Without a LATEST
/// the one that was saved last. None where the run has no checkpoint; where it has some, but none of these, throws
/// Error(corrupt_checkpoint) that says what is wrong with each and which can be had by naming the step.
std::optional<FoundCheckpoint> newest_checkpoint(const std::filesystem::path& run_dir,
                                                 StepOption option = StepOption::resume);

/// The checkpoint meant by a path that a person gave: a checkpoint itself, or a run's (its newest, or that of `step`).
/// Throws Error(usage) where the path is neither or has no such step; the message lists the steps that are there and
/// says where an abandoned one of that step stands.
FoundCheckpoint find_checkpoint(const std::filesystem::path& run_or_checkpoint,
                                std::optional<std::int64_t> step = std::nullopt,
                                StepOption option = StepOption::resume);

/// Throws Error(corrupt_checkpoint) where events.jsonl tells of checkpoints: they have been moved away, or their disk
/// is not mounted. To be called where none is found, before the run is begun anew.
void require_never_saved(const std::filesystem::path& run_dir);

/// What to do about a damaged checkpoint: "take another one with --resume=STEP; these are complete: 800, 900".
std::string next_action_for_damage(const std::filesystem::path& checkpoint, StepOption option);

}  // namespace baleen::checkpoint
