#include "data/text_pieces.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "data/file_error.h"
#include "data/utf8.h"

namespace baleen::data {
namespace {

core::Error empty_file(const std::filesystem::path& file) {
  return {core::ExitCode::usage, fmt::format("{} is empty; expected text", file.string()), "leave it out"};
}

}  // namespace

std::int64_t text_file_size(const std::filesystem::path& file) {
  struct stat status = {};
  if (::stat(file.c_str(), &status) != 0) throw file_error("open", file, errno);
  if (S_ISDIR(status.st_mode)) {
    throw core::Error(core::ExitCode::usage, fmt::format("{} is a folder; expected a text file", file.string()),
                      fmt::format("name the files in it: {}", (file / "*").string()));
  }
  if (S_ISREG(status.st_mode) && status.st_size == 0) throw empty_file(file);
  return S_ISREG(status.st_mode) ? status.st_size : 0;
}

PieceReader::PieceReader(std::filesystem::path file, const Tokenizer& tokenizer, const Options& options)
    : path_(std::move(file)), tokenizer_(tokenizer), options_(options) {
  file_ = core::FileDescriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file_.get() < 0) throw file_error("open", path_, errno);
}

std::optional<TextPiece> PieceReader::next() {
  if (done_) return std::nullopt;
  std::size_t size = 0;
  while (true) {
    size = cut();
    if (at_end_ || (size > 0 && pending_.size() >= static_cast<std::size_t>(options_.piece_bytes))) break;
    if (size == 0 && options_.jsonl && static_cast<std::int64_t>(pending_.size()) > options_.max_line_bytes) {
      throw core::Error(
          core::ExitCode::usage,
          fmt::format("{}:{}: the line is longer than {} bytes", path_.string(), first_line_, options_.max_line_bytes),
          "JSONL has one object a line; give a file that is one document with --format text");
    }
    at_end_ = !read_more();
  }
  if (at_end_ && first_byte_ == 0 && pending_.empty()) throw empty_file(path_);

  TextPiece piece = {path_, pending_.substr(0, size), first_byte_, first_line_, options_.jsonl, at_end_};
  pending_.erase(0, size);
  first_byte_ += static_cast<std::int64_t>(size);
  if (options_.jsonl) first_line_ += std::count(piece.text.begin(), piece.text.end(), '\n');
  done_ = at_end_;
  return piece;
}

bool PieceReader::read_more() {
  const std::size_t before = pending_.size();
  pending_.resize(before + static_cast<std::size_t>(options_.piece_bytes));
  ssize_t count;
  do {
    count = ::read(file_.get(), pending_.data() + before, static_cast<std::size_t>(options_.piece_bytes));
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw file_error("read", path_, errno);
  pending_.resize(before + static_cast<std::size_t>(count));
  return count > 0;
}

std::size_t PieceReader::cut() const {
  if (at_end_) return pending_.size();
  if (options_.jsonl) return pending_.rfind('\n') + 1;  // npos + 1 is 0: no whole line yet
  const std::string_view whole = std::string_view(pending_).substr(0, pending_.size() - incomplete_utf8_tail(pending_));
  return tokenizer_.split_point(whole);
}

}  // namespace baleen::data
