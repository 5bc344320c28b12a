# Compiler settings shared by every target: warnings as errors, hardening, ccache, sanitizers.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "Baleen needs g++ 12 or newer; ${CMAKE_CXX_COMPILER} is ${CMAKE_CXX_COMPILER_VERSION}.\n"
    "  Bring it with:  apt-get install g++   and name it with -DCMAKE_CXX_COMPILER=g++-12 when an older one comes first.")
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(baleen_compiler INTERFACE)
target_include_directories(baleen_compiler INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(baleen_compiler INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wundef -Werror>
  $<$<COMPILE_LANGUAGE:CXX>:-fstack-protector-strong -fstack-clash-protection -fno-strict-overflow>
  # Another clone of the same sources then compiles to the same bytes, and ccache knows it.
  $<$<COMPILE_LANGUAGE:CXX>:-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2>
  $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
# Bounds checks of the standard containers stay on in Release: inner loops work on plain pointers.
target_compile_definitions(baleen_compiler INTERFACE $<$<COMPILE_LANGUAGE:CXX>:_GLIBCXX_ASSERTIONS>)
target_link_options(baleen_compiler INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# BALEEN_TEST_ENVIRONMENT: what test programs find in their environment, besides what baleen_test sets.
set(BALEEN_TEST_ENVIRONMENT)
set(suppressions ${CMAKE_SOURCE_DIR}/tests/sanitizers)
if(BALEEN_SANITIZE STREQUAL "address")
  # Not null and vptr: they make up a third of the time to compile a test, and AddressSanitizer stops at a null pointer itself.
  set(sanitize -fsanitize=address,undefined -fno-sanitize=null,vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  set(BALEEN_TEST_ENVIRONMENT
    "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    "LSAN_OPTIONS=suppressions=${suppressions}/leak.supp:print_suppressions=0"
    "UBSAN_OPTIONS=print_stacktrace=1")
elseif(BALEEN_SANITIZE STREQUAL "thread")
  set(sanitize -fsanitize=thread -fno-omit-frame-pointer)
  # LibTorch's OpenMP runtime is not instrumented, and its barriers would read as races: one thread in its pool.
  set(BALEEN_TEST_ENVIRONMENT
    "TSAN_OPTIONS=suppressions=${suppressions}/thread.supp:halt_on_error=1:second_deadlock_stack=1" "OMP_NUM_THREADS=1")
elseif(BALEEN_SANITIZE)
  message(FATAL_ERROR "BALEEN_SANITIZE=${BALEEN_SANITIZE} is not known. Use address, thread, or leave it empty.")
endif()
if(BALEEN_SANITIZE)
  # The libraries alone are optimised: what runs long is there, what compiles long is in the tests.
  target_compile_options(baleen_compiler INTERFACE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<STREQUAL:$<TARGET_PROPERTY:TYPE>,STATIC_LIBRARY>>:-O1> $<$<COMPILE_LANGUAGE:CXX>:${sanitize}>)
  target_link_options(baleen_compiler INTERFACE ${sanitize})
endif()
