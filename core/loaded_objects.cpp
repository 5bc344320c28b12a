#include "core/loaded_objects.h"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "core/digest.h"

namespace baleen::core {
namespace {

using Header = ElfW(Phdr);

std::string hex(const unsigned char* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    for (const int nibble : {bytes[i] >> 4, bytes[i] & 15}) text += "0123456789abcdef"[nibble];
  return text;
}

/// Empty where the notes hold none.
std::string id_in_notes(const unsigned char* at, const Header& header) {
  const std::size_t align = header.p_align == 8 ? 8 : 4;
  const auto padded = [align](std::size_t bytes) { return (bytes + align - 1) / align * align; };
  for (const unsigned char* end = at + header.p_memsz; at + sizeof(ElfW(Nhdr)) <= end;) {
    ElfW(Nhdr) note;
    std::memcpy(&note, at, sizeof(note));
    const unsigned char* name = at + sizeof(note);
    const unsigned char* content = name + padded(note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
      return hex(content, note.n_descsz);
    at = content + padded(note.n_descsz);
  }
  return "";
}

/// Of what is as the file has it: not of segments that the loader writes into.
std::string fingerprint(const unsigned char* base, std::span<const Header> headers) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  std::string text;
  for (const Header& header : headers)
    text += std::to_string(header.p_type) + ":" + std::to_string(header.p_memsz) + " ";
  const auto first = std::ranges::find_if(headers, [](const Header& header) {
    return header.p_type == PT_LOAD && (header.p_flags & PF_R) != 0 && (header.p_flags & PF_W) == 0;
  });
  if (first != headers.end())
    text.append(reinterpret_cast<const char*>(base + first->p_vaddr), std::min<std::size_t>(first->p_filesz, kMost));
  return "unmarked-" + digest_of(text).hex();
}

int add_object(dl_phdr_info* info, std::size_t, void* objects) {
  const auto* base = reinterpret_cast<const unsigned char*>(info->dlpi_addr);
  const std::span<const Header> headers(info->dlpi_phdr, info->dlpi_phnum);
  LoadedObject object{info->dlpi_name, ""};
  for (const Header& header : headers)
    if (header.p_type == PT_NOTE && object.build.empty()) object.build = id_in_notes(base + header.p_vaddr, header);
  if (object.build.empty()) object.build = fingerprint(base, headers);
  static_cast<std::vector<LoadedObject>*>(objects)->push_back(std::move(object));
  return 0;
}

}  // namespace

std::vector<LoadedObject> loaded_objects() {
  std::vector<LoadedObject> objects;
  dl_iterate_phdr(add_object, &objects);
  return objects;
}

}  // namespace baleen::core
