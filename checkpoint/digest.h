#pragma once
// XXH3-128 digests: fast enough (over 10 GB/s a core) to check every byte that is written or read.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace baleen::checkpoint {

/// In canonical (big-endian) byte order, as `xxh128sum` prints it.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};

  std::string hex() const;  // 32 lower-case digits
  static std::optional<Digest> from_hex(std::string_view hex);
  bool operator==(const Digest&) const = default;
};

Digest digest_of(std::span<const std::byte> data);
Digest digest_of(std::string_view text);

}  // namespace baleen::checkpoint
