# LibTorch as our own imported targets. find_package(Torch) rewrites CUDA flags and probes the GPU, so it is not used.
#   baleen::torch       torch_cpu + c10: tensors and CPU math
#   baleen::torch_cuda  torch_cuda + c10_cuda on top (only where BALEEN_CUDA is on)
# Looked for in this order: BALEEN_TORCH_ROOT, Torch_DIR, the active Python environment, Baleen's cache.

set(BALEEN_TORCH_VERSION 2.11.0)
set(BALEEN_TORCH_ROOT "$ENV{BALEEN_TORCH_ROOT}" CACHE PATH "Folder of LibTorch that holds include/ and lib/")

function(baleen_torch_candidates out)
  set(candidates)
  if(BALEEN_TORCH_ROOT)
    list(APPEND candidates ${BALEEN_TORCH_ROOT})
  endif()
  if(Torch_DIR)
    get_filename_component(from_torch_dir "${Torch_DIR}/../../.." ABSOLUTE)
    list(APPEND candidates ${from_torch_dir})
  endif()
  execute_process(COMMAND python3 -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
    OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    list(APPEND candidates ${from_python})
  endif()
  if(DEFINED ENV{BALEEN_CACHE})
    list(APPEND candidates $ENV{BALEEN_CACHE}/libtorch-${BALEEN_TORCH_VERSION}/torch)
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    list(APPEND candidates $ENV{XDG_CACHE_HOME}/baleen/libtorch-${BALEEN_TORCH_VERSION}/torch)
  else()
    list(APPEND candidates $ENV{HOME}/.cache/baleen/libtorch-${BALEEN_TORCH_VERSION}/torch)
  endif()
  set(${out} ${candidates} PARENT_SCOPE)
endfunction()

baleen_torch_candidates(BALEEN_TORCH_CANDIDATES)
set(BALEEN_TORCH_FOUND)
foreach(candidate ${BALEEN_TORCH_CANDIDATES})
  if(EXISTS ${candidate}/lib/libtorch_cpu.so AND EXISTS ${candidate}/include/torch/headeronly/version.h)
    file(STRINGS ${candidate}/include/torch/headeronly/version.h numbers REGEX "define TORCH_VERSION_(MAJOR|MINOR) ")
    string(REGEX REPLACE "[^0-9]*([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2" version "${numbers}")
    if(BALEEN_TORCH_VERSION MATCHES "^${version}\\.")
      set(BALEEN_TORCH_FOUND ${candidate})
      break()
    endif()
    message(STATUS "LibTorch at ${candidate} is version ${version}; Baleen needs ${BALEEN_TORCH_VERSION}")
  endif()
endforeach()
if(NOT BALEEN_TORCH_FOUND)
  list(JOIN BALEEN_TORCH_CANDIDATES "\n    " looked)
  message(FATAL_ERROR
    "Baleen needs LibTorch ${BALEEN_TORCH_VERSION}, which was not found.\n"
    "  Bring it with:  ./bootstrap setup   (fetches it into Baleen's cache)\n"
    "  or name yours:  -DBALEEN_TORCH_ROOT=FOLDER   (the folder with include/ and lib/)\n"
    "  Looked in:\n    ${looked}")
endif()
message(STATUS "LibTorch: ${BALEEN_TORCH_FOUND}")

add_library(baleen_torch INTERFACE)
add_library(baleen::torch ALIAS baleen_torch)
target_include_directories(baleen_torch SYSTEM INTERFACE ${BALEEN_TORCH_FOUND}/include)
target_link_libraries(baleen_torch INTERFACE ${BALEEN_TORCH_FOUND}/lib/libtorch_cpu.so ${BALEEN_TORCH_FOUND}/lib/libc10.so)
# What LibTorch itself needs (CUDA runtime, CUPTI) is found through its own run path or LD_LIBRARY_PATH when the program starts.
target_link_options(baleen_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,--unresolved-symbols=ignore-in-shared-libs)

add_library(baleen_torch_cuda INTERFACE)
add_library(baleen::torch_cuda ALIAS baleen_torch_cuda)
target_link_libraries(baleen_torch_cuda INTERFACE baleen_torch)
target_link_options(baleen_torch_cuda INTERFACE
  -Wl,--no-as-needed ${BALEEN_TORCH_FOUND}/lib/libtorch_cuda.so ${BALEEN_TORCH_FOUND}/lib/libc10_cuda.so -Wl,--as-needed)
