#pragma once
// XXH3-128 digests: fast enough (over 10 GB/s a core) to check every byte that is written or read. They find damage,
// they do not resist an attacker.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace baleen::core {

/// In canonical (big-endian) byte order, as `xxh128sum` prints it; datasets hold them as these 16 bytes.
struct Digest {
  std::array<std::uint8_t, 16> bytes{};

  std::string hex() const;  // 32 lower-case digits
  static std::optional<Digest> from_hex(std::string_view hex);
  bool operator==(const Digest&) const = default;
};

Digest digest_of(std::span<const std::byte> data);
Digest digest_of(std::string_view text);

}  // namespace baleen::core
