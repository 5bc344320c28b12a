# Third-party components other than LibTorch and CUDA, each an imported target baleen::NAME.
# A missing one stops the configuration with the command that brings it (docs/dependencies.md says why each is there).

function(baleen_missing component package)
  message(FATAL_ERROR
    "Baleen needs ${component}, which was not found.\n"
    "  Bring it with:  apt-get install ${package}\n"
    "  or let ./bootstrap install everything.")
endfunction()

function(baleen_header_dependency name header package)
  find_path(BALEEN_${name}_INCLUDE ${header})
  mark_as_advanced(BALEEN_${name}_INCLUDE)
  if(NOT BALEEN_${name}_INCLUDE)
    baleen_missing(${name} ${package})
  endif()
  add_library(baleen_${name} INTERFACE)
  target_include_directories(baleen_${name} SYSTEM INTERFACE ${BALEEN_${name}_INCLUDE})
  add_library(baleen::${name} ALIAS baleen_${name})
endfunction()

find_package(Threads REQUIRED)

baleen_header_dependency(tomlplusplus toml++/toml.h libtomlplusplus-dev)
target_compile_definitions(baleen_tomlplusplus INTERFACE TOML_HEADER_ONLY=1)
baleen_header_dependency(fmt fmt/core.h libfmt-dev)
# Its library, not its headers alone: those add three seconds to every file that formats text.
find_library(BALEEN_FMT_LIBRARY fmt)
mark_as_advanced(BALEEN_FMT_LIBRARY)
if(NOT BALEEN_FMT_LIBRARY)
  baleen_missing("fmt's library" libfmt-dev)
endif()
target_link_libraries(baleen_fmt INTERFACE ${BALEEN_FMT_LIBRARY})
# LibTorch carries the headers of another version of fmt. A folder of its own brings this library's headers before those;
# the compiler would look into /usr/include last.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${BALEEN_fmt_INCLUDE}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)
target_include_directories(baleen_fmt SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/include)
baleen_header_dependency(spdlog spdlog/spdlog.h libspdlog-dev)
target_compile_definitions(baleen_spdlog INTERFACE SPDLOG_FMT_EXTERNAL=1)
target_link_libraries(baleen_spdlog INTERFACE baleen::fmt)
baleen_header_dependency(cli11 CLI/CLI.hpp libcli11-dev)
baleen_header_dependency(json nlohmann/json.hpp nlohmann-json3-dev)
baleen_header_dependency(xxhash xxhash.h libxxhash-dev)
target_compile_definitions(baleen_xxhash INTERFACE XXH_INLINE_ALL=1)

# The serial HDF5 library only: checkpoints and datasets are one file per writer, and mmap reads them.
find_path(BALEEN_HDF5_INCLUDE hdf5.h PATH_SUFFIXES hdf5/serial)
find_library(BALEEN_HDF5_LIBRARY NAMES hdf5_serial hdf5)
mark_as_advanced(BALEEN_HDF5_INCLUDE BALEEN_HDF5_LIBRARY)
if(NOT BALEEN_HDF5_INCLUDE OR NOT BALEEN_HDF5_LIBRARY)
  baleen_missing(HDF5 libhdf5-dev)
endif()
add_library(baleen::hdf5 UNKNOWN IMPORTED)
set_target_properties(baleen::hdf5 PROPERTIES IMPORTED_LOCATION ${BALEEN_HDF5_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${BALEEN_HDF5_INCLUDE})

set(MPI_CXX_SKIP_MPICXX ON)
find_package(MPI COMPONENTS CXX QUIET)
if(NOT MPI_CXX_FOUND)
  baleen_missing("Open MPI" "libopenmpi-dev openmpi-bin")
endif()

if(BALEEN_TESTS)
  find_package(GTest QUIET)
  if(NOT GTest_FOUND)
    baleen_missing(GoogleTest "libgtest-dev libgmock-dev")
  endif()
endif()
