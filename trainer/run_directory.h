#pragma once
// The folder of one run: what is in it, who may write to it, and the control files people drop into it.
// Only rank 0 makes one of these.
//
//   config.toml      the resolved configuration          checkpoints/     step-00001000/ ..., LATEST
//   env.json         machine and library versions        log/             one file a rank
//   metrics.jsonl    one object per optimizer step       report.html      written at the end and by `baleen report`
//   events.jsonl     validation, samples, checkpoints    STOP, SAVE       control files
//   trace/           one traced step                     products.txt     algorithms of matrix products on the GPU

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "trainer/metrics.h"

namespace baleen::trainer {

/// Whether the folder is one of these, begun or only made ready, or holds checkpoints of one.
bool is_run_directory(const std::filesystem::path& path);

class RunDirectory {
 public:
  enum class Open { fresh, resume };

  /// Creates the folder (fresh) or enters it (resume: made if missing) and locks it against other jobs until
  /// destruction. Throws Error(busy) where another process holds it, Error(usage) where `fresh` meets an earlier run or
  /// the folder holds other things than a run, Error(storage) where it cannot be written.
  RunDirectory(std::filesystem::path path, Open open);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

  /// Replaces a small file whole, so that a reader never sees half of it.
  void write(const std::string& name, const std::string& content) const;

  /// Keeps the lines and traces of the first `steps_done` steps; a resumed run writes the others again. A torn last
  /// line goes too.
  void rewind_logs(std::int64_t steps_done) const;
  void append_metrics(const StepMetrics& metrics) const;
  /// One line of events.jsonl: `json` is a complete JSON object with at least "event" and "step".
  void append_event(const std::string& json) const;

  /// Whether somebody dropped STOP (or SAVE); the file is removed.
  bool take_stop() const { return take("STOP"); }
  bool take_save() const { return take("SAVE"); }

 private:
  bool take(const char* name) const;
  void append(const std::filesystem::path& file, const std::string& line) const;

  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace baleen::trainer
