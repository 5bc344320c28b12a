# Configure and build a preset.

# build [PRESET] [TARGET...]
build() {
  local preset=${1:-$(default_preset)}
  shift || true
  if [ ! -e "build/$preset/build.ninja" ]; then
    say "Configuring build/$preset"
    cmake --preset "$preset" || return
  fi
  say "Building build/$preset${*:+ ($*)}"
  cmake --build "build/$preset" ${*:+--target "$@"}
}
