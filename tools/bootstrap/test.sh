# ./bootstrap test: phases that all run, whatever the earlier ones said, and a summary at the end.

test_phases=()
test_failures=0

# phase NAME COMMAND...: runs it, keeps its result, its time, and ctest's own summary line where there is one.
phase() {
  local name=$1 began=$SECONDS result=ok log
  shift
  say "$name"
  mkdir -p build
  log=$(mktemp build/phase.XXXXXX)
  if ! "$@" 2>&1 </dev/null | tee "$log"; then
    result=FAILED
    test_failures=$((test_failures + 1))
  fi
  test_phases+=("$(printf '%-32s %-7s %4d s  %s' "$name" "$result" $((SECONDS - began)) \
    "$(grep -E 'tests passed, [0-9]+ tests failed out of' "$log" || true)")")
  rm -f "$log"
  [ "$result" = ok ]
}

# run_ctest PRESET CTEST_OPTIONS...
run_ctest() {
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit test_results.xml "$@"
}

# A GPU build for one architecture, on a machine without a GPU: all CUDA sources compile and link; nothing is run.
compile_for_gpu() {
  configure gpu -B build/gpu-compile -DCMAKE_CUDA_ARCHITECTURES=90a-real &&
    cmake --build build/gpu-compile --target baleen baleen-compute gpu_tests
}

# test_under PRESET LABEL NAME
test_under() {
  local preset=$1 label=$2 name=$3
  if phase "build for $name" build "$preset" "${label}_tests"; then
    phase "tests under $name" run_ctest "$preset" -L "$label" || true
  fi
}

report_phases() {
  say "Summary"
  printf '%s\n' "${test_phases[@]}"
  if [ "$test_failures" -gt 0 ]; then
    say "$test_failures of ${#test_phases[@]} phases failed"
    exit 1
  fi
  say "All ${#test_phases[@]} phases passed"
}

run_tests() {
  local sanitizers=no everything=no left_out='slow|nightly' preset option
  for option in "$@"; do
    case "$option" in
      --sanitizers) sanitizers=yes ;;
      --everything) everything=yes sanitizers=yes ;;
      *) stop "test has no option '$option'." "./bootstrap --help lists them." ;;
    esac
  done
  set_up build
  if [ "$everything" = yes ]; then
    set_up check
    left_out=nightly
  fi
  preset=$(default_preset)

  phase "PyTorch for the tests" tools/setup_test_venv || true
  if phase "build ($preset)" build "$preset"; then
    phase "tests ($preset)" run_ctest "$preset" -LE "$left_out" || true
  fi
  [ "$everything" = no ] || phase "source checks" tools/check || true
  if [ "$sanitizers" = yes ]; then
    test_under asan unit "AddressSanitizer, UBSan"
    test_under tsan threads "ThreadSanitizer"
  fi
  if [ "$everything" = yes ] && has_nvcc && ! has_gpu; then
    phase "CUDA compile check" compile_for_gpu || true
  fi
  report_phases
}
