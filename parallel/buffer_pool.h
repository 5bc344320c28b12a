#pragma once
// Buffers that are made when none of their size is free, and kept. The planner counts with the same as ranks gather in.

#include <cstdint>
#include <map>
#include <vector>

namespace baleen::parallel {

template <class Buffer>
class BufferPool {
 public:
  /// A free buffer for so many bytes, else what make(bytes that it is to have) returns.
  template <class Make>
  Buffer take(std::int64_t bytes, const Make& make) {
    std::vector<Buffer>& free = free_[rounded(bytes)];
    if (free.empty()) {
      free.push_back(make(rounded(bytes)));
      bytes_ += rounded(bytes);
    }
    Buffer buffer = free.back();
    free.pop_back();
    return buffer;
  }
  /// Taken for so many bytes.
  void give_back(Buffer buffer, std::int64_t bytes) { free_[rounded(bytes)].push_back(buffer); }
  /// Of all buffers, free or taken.
  std::int64_t bytes() const { return bytes_; }

 private:
  /// To what a GPU's driver maps at least.
  static std::int64_t rounded(std::int64_t bytes) {
    constexpr std::int64_t kStep = std::int64_t{2} << 20;
    return (bytes + kStep - 1) / kStep * kStep;
  }

  std::map<std::int64_t, std::vector<Buffer>> free_;  // by size
  std::int64_t bytes_ = 0;
};

}  // namespace baleen::parallel
