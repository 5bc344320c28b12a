# Compiler settings shared by every target: warnings as errors, hardening, ccache, sanitizers.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(baleen_compiler INTERFACE)
target_compile_options(baleen_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Werror>
  $<$<COMPILE_LANGUAGE:CXX>:-fstack-protector-strong -fno-strict-overflow>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
  $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
target_compile_definitions(baleen_compiler INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
target_link_options(baleen_compiler INTERFACE -Wl,-z,relro,-z,now)
target_include_directories(baleen_compiler INTERFACE ${CMAKE_SOURCE_DIR})

if(BALEEN_SANITIZE STREQUAL "address")
  target_compile_options(baleen_compiler INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(baleen_compiler INTERFACE -fsanitize=address,undefined)
elseif(BALEEN_SANITIZE STREQUAL "thread")
  target_compile_options(baleen_compiler INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(baleen_compiler INTERFACE -fsanitize=thread)
elseif(BALEEN_SANITIZE)
  message(FATAL_ERROR "BALEEN_SANITIZE=${BALEEN_SANITIZE} is not known. Use address, thread, or leave it empty.")
endif()
