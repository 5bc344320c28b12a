# Configure and build a preset.

# configure PRESET [CMAKE_OPTIONS...]: a second or two when nothing changed, and it sees what has been installed since.
configure() {
  local preset=$1 log
  shift
  if [ "$preset" = gpu ]; then tools/fetch_cudnn_frontend >/dev/null || return 1; fi
  mkdir -p build
  log=$(mktemp build/configure.XXXXXX)
  if [ ! -e "build/$preset/CMakeCache.txt" ]; then
    say "Configuring build/$preset: looking at compiler and libraries, once, up to a minute"
  fi
  if cmake --preset "$preset" "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
}

# check_preset [NAME]: stops, with the nearest, where there is no such preset.
check_preset() {
  local presets=(release debug asan tsan gpu) nearest=
  if [ $# -eq 0 ] || [[ " ${presets[*]} " == *" $1 "* ]]; then return; fi
  nearest=$(python3 -c 'import difflib, sys; print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], 1))' \
    "$1" "${presets[@]}" 2>/dev/null || true)
  stop "There is no preset '$1'${nearest:+; did you mean $nearest?}" \
    "Presets: ${presets[*]}. A target stands behind its preset: ./bootstrap build ${nearest:-release $1} ..."
}

# build [PRESET] [TARGET...]
build() {
  local preset=${1:-$(default_preset)}
  shift || true
  configure "$preset" || return
  say "Building build/$preset (${*:-programs and all tests; '$preset baleen baleen-compute' builds the programs only})"
  cmake --build "build/$preset" ${*:+--target "$@"}
}
