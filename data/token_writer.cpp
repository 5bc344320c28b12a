#include "data/token_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/filesystem.h"
#include "data/dataset_file.h"
#include "data/file_error.h"
#include "data/spill_file.h"

namespace baleen::data {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& output) {
  const fs::path folder = output.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

fs::path checked(fs::path output, bool overwrite) {
  std::error_code ignored;  // what cannot be inspected fails when it is opened, with the better message
  const fs::path folder = folder_of(output);
  if (!fs::exists(folder, ignored)) {
    throw core::Error(core::ExitCode::usage, fmt::format("the output folder {} does not exist", folder.string()),
                      fmt::format("create it: mkdir -p {}", folder.string()));
  }
  if (fs::is_directory(output, ignored)) {
    throw core::Error(core::ExitCode::usage,
                      fmt::format("the output {} is a folder; expected a file name", output.string()),
                      fmt::format("name a file in it, for example {}", (output / "dataset.h5").string()));
  }
  if (!overwrite && fs::exists(output, ignored)) {
    throw core::Error(core::ExitCode::usage, fmt::format("the output {} exists", output.string()),
                      "choose another name, or say --force to replace it");
  }
  return output;
}

/// OUTPUT.partial, under a lock that the system drops however the process ends. Removed unless published.
class PartialFile {
 public:
  explicit PartialFile(const fs::path& output) : path_(output.string() + ".partial") {
    do {
      file_ = core::FileDescriptor(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
      if (file_.get() < 0) throw file_error("create", path_, errno);
      // A file system without locks leaves concurrent writers to the user.
      if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        throw core::Error(core::ExitCode::busy, fmt::format("another process is writing {}", path_.string()),
                          "wait until it is done, or choose another output");
      }
    } while (!stands());  // its last owner has removed or renamed it between our two calls
  }
  ~PartialFile() {
    if (!published_) ::unlink(path_.c_str());
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const fs::path& path() const { return path_; }
  int file() const { return file_.get(); }

  void publish(const fs::path& output) {
    if (::rename(path_.c_str(), output.c_str()) != 0) throw file_error("create", output, errno);
    published_ = true;
  }

 private:
  bool stands() const {
    struct stat named = {}, open = {};
    return ::stat(path_.c_str(), &named) == 0 && ::fstat(file_.get(), &open) == 0 && named.st_ino == open.st_ino;
  }

  fs::path path_;
  core::FileDescriptor file_;
  bool published_ = false;
};

void sync(int file, const fs::path& name) {
  if (::fsync(file) != 0) throw file_error("write", name, errno);
}

}  // namespace

class TokenWriter::State {
 public:
  State(fs::path output, WriterOptions options)
      : output_(checked(std::move(output), options.overwrite)),
        options_(std::move(options)),
        partial_(output_),
        tokens_(folder_of(output_)),
        offsets_(folder_of(output_)) {
    core::require(options_.vocab_size >= 1 && options_.vocab_size <= std::numeric_limits<TokenId>::max() &&
                      options_.end_of_text >= 0 && options_.end_of_text < options_.vocab_size,
                  "end-of-text is in the vocabulary");
    append_offset();
  }

  void append(std::span<const TokenId> tokens) {
    for (const TokenId token : tokens) {
      core::require(token >= 0 && token < options_.vocab_size, "written tokens are in the vocabulary");
    }
    if (dtype() == core::DType::u16) {
      narrow_.resize(tokens.size());
      std::transform(tokens.begin(), tokens.end(), narrow_.begin(),
                     [](TokenId token) { return static_cast<std::uint16_t>(token); });
      tokens_.append(std::as_bytes(std::span(narrow_)));
    } else {
      tokens_.append(std::as_bytes(tokens));  // not negative, so the bits are those of uint32
    }
  }

  void end_document() {
    append({&options_.end_of_text, 1});
    append_offset();
  }

  std::int64_t tokens() const { return tokens_.size() / core::dtype_size(dtype()); }
  std::int64_t documents() const { return offsets_.size() / static_cast<std::int64_t>(sizeof(std::uint64_t)) - 1; }

  DatasetInfo commit() {
    core::require(!committed_ && documents() > 0 && last_offset_ == tokens(), "whole documents are committed, once");
    const DatasetInfo info = {
        output_, options_.tokenizer, options_.vocab_size, options_.end_of_text, tokens(), documents(), dtype()};
    const DatasetLayout layout = create_layout(partial_.path(), info);
    fill(layout.document_offsets, layout.document_offsets_digests, offsets_);
    fill(layout.tokens, layout.digests, tokens_);
    sync(partial_.file(), partial_.path());
    checked(output_, options_.overwrite);  // somebody may have put one there since
    partial_.publish(output_);
    committed_ = true;
    core::sync_folder(folder_of(output_));
    return info;
  }

 private:
  core::DType dtype() const { return options_.vocab_size <= 65536 ? core::DType::u16 : core::DType::u32; }

  void append_offset() {
    last_offset_ = tokens();
    const auto offset = static_cast<std::uint64_t>(last_offset_);
    offsets_.append(std::as_bytes(std::span(&offset, 1)));
  }

  void fill(const Extent& extent, const Extent& digest_extent, SpillFile& spilled) {
    core::require(extent.bytes == spilled.size(), "the allocated space is that of the contents");
    const std::vector<core::Digest> digests = spilled.copy_to(partial_.file(), extent.address, partial_.path());
    write_at(partial_.file(), digest_extent.address, std::as_bytes(std::span(digests)), partial_.path());
  }

  fs::path output_;
  WriterOptions options_;
  PartialFile partial_;
  SpillFile tokens_;
  SpillFile offsets_;
  std::vector<std::uint16_t> narrow_;
  std::int64_t last_offset_ = 0;
  bool committed_ = false;
};

TokenWriter::TokenWriter(fs::path output, WriterOptions options)
    : state_(std::make_unique<State>(std::move(output), std::move(options))) {}
TokenWriter::~TokenWriter() = default;
void TokenWriter::append(std::span<const TokenId> tokens) {
  state_->append(tokens);
}
void TokenWriter::end_document() {
  state_->end_document();
}
std::int64_t TokenWriter::tokens() const {
  return state_->tokens();
}
std::int64_t TokenWriter::documents() const {
  return state_->documents();
}
DatasetInfo TokenWriter::commit() {
  return state_->commit();
}

}  // namespace baleen::data
