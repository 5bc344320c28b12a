#pragma once
// XXH3-128 (xxHash), the checksum of dataset files: it finds damage, it does not resist an attacker.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace baleen::data {

/// In canonical byte order (big-endian), as xxhsum prints it.
using Digest = std::array<std::uint8_t, 16>;

Digest digest_of(std::span<const std::byte> bytes);

/// 32 hexadecimal digits.
std::string digest_text(const Digest& digest);

}  // namespace baleen::data
