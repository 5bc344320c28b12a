#include "data/spill_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "data/dataset_format.h"
#include "data/file_error.h"

namespace baleen::data {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;

void read_at(int file, std::int64_t address, std::span<std::byte> out, const std::filesystem::path& folder) {
  while (!out.empty()) {
    const ssize_t count = ::pread(file, out.data(), out.size(), address);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw file_error("read back a temporary file in", folder, count == 0 ? EIO : errno);
    out = out.subspan(static_cast<std::size_t>(count));
    address += count;
  }
}

}  // namespace

void write_at(int file, std::int64_t address, std::span<const std::byte> bytes, const std::filesystem::path& name) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), address);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw file_error("write", name, count == 0 ? EIO : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    address += count;
  }
}

SpillFile::SpillFile(const std::filesystem::path& folder) : folder_(folder) {
  std::string name = (folder / ".baleen-spill-XXXXXX").string();
  file_ = core::FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (file_.get() < 0) throw file_error("create a temporary file in", folder, errno);
  if (::unlink(name.c_str()) != 0) throw file_error("unlink", name, errno);
  buffer_.reserve(kBufferBytes);
}

void SpillFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kBufferBytes - buffer_.size());
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (buffer_.size() == kBufferBytes) flush();
  }
}

void SpillFile::flush() {
  write_at(file_.get(), written_, buffer_, folder_ / "(temporary file)");
  written_ += static_cast<std::int64_t>(buffer_.size());
  buffer_.clear();
}

std::vector<core::Digest> SpillFile::copy_to(int file, std::int64_t address, const std::filesystem::path& name) {
  flush();
  std::vector<core::Digest> digests;
  std::vector<std::byte> block(static_cast<std::size_t>(std::min(written_, kDigestBlockBytes)));
  for (std::int64_t at = 0; at < written_; at += kDigestBlockBytes) {
    const auto bytes = std::span(block).first(static_cast<std::size_t>(std::min(kDigestBlockBytes, written_ - at)));
    read_at(file_.get(), at, bytes, folder_);
    digests.push_back(core::digest_of(bytes));
    write_at(file, address + at, bytes, name);
  }
  return digests;
}

}  // namespace baleen::data
