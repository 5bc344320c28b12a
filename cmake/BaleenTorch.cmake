# LibTorch as our own imported targets. find_package(Torch) rewrites CUDA flags and probes the GPU, so it is not used.
#   baleen::torch       torch_cpu + c10: tensors and CPU math
#   baleen::torch_cuda  torch_cuda + c10_cuda on top (only where BALEEN_CUDA is on)

include(BaleenTorchSearch)
set(BALEEN_TORCH_ROOT "" CACHE PATH "Folder of LibTorch that holds include/ and lib/ (default: see BaleenTorchSearch.cmake)")

baleen_find_torch(BALEEN_TORCH_FOUND BALEEN_TORCH_LOOKED)
if(NOT BALEEN_TORCH_FOUND)
  list(JOIN BALEEN_TORCH_LOOKED "\n    " looked)
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
