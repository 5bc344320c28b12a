#include "core/version.h"

#include <elf.h>
#include <link.h>

#include <cstring>

namespace baleen::core {
namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    for (const int nibble : {bytes[i] >> 4, bytes[i] & 15}) text += "0123456789abcdef"[nibble];
  return text;
}

/// Of dl_iterate_phdr, whose first object is the program.
int find_build_id(dl_phdr_info* program, std::size_t, void* found) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const auto& header = program->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const std::size_t align = header.p_align == 8 ? 8 : 4;
    const auto padded = [align](std::size_t bytes) { return (bytes + align - 1) / align * align; };
    const auto* at = reinterpret_cast<const unsigned char*>(program->dlpi_addr + header.p_vaddr);
    for (const auto* end = at + header.p_memsz; at + sizeof(ElfW(Nhdr)) <= end;) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof(note));
      const unsigned char* name = at + sizeof(note);
      const unsigned char* content = name + padded(note.n_namesz);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        *static_cast<std::string*>(found) = hex(content, note.n_descsz);
      at = content + padded(note.n_descsz);
    }
  }
  return 1;
}

}  // namespace

const char* version() {
  return BALEEN_VERSION;
}

const char* build_type() {
  return std::strlen(BALEEN_SANITIZER) == 0 ? BALEEN_BUILD_TYPE : BALEEN_BUILD_TYPE ", " BALEEN_SANITIZER " sanitizer";
}

const char* compiler() {
  return BALEEN_COMPILER;
}

std::string build_id() {
  std::string id;
  dl_iterate_phdr(find_build_id, &id);
  return id;
}

bool built_with_cuda() {
  return BALEEN_BUILT_WITH_CUDA;
}

}  // namespace baleen::core
