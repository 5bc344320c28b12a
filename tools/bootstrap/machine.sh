# What this machine is: its GPUs, its CUDA toolkit, and what follows from them.

gpu_count() {
  command -v nvidia-smi >/dev/null 2>&1 || { echo 0; return; }
  { nvidia-smi -L 2>/dev/null || true; } | grep -c '^GPU ' || true
}

has_gpu() { [ "$(gpu_count)" -gt 0 ]; }

has_nvcc() { command -v nvcc >/dev/null 2>&1; }

default_preset() {
  if has_gpu && has_nvcc; then echo gpu; else echo release; fi
}

# can_write FOLDER: into it, or where it is not there yet, into what there is of its path.
can_write() {
  local folder=$1
  until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
  [ -d "$folder" ] && [ -w "$folder" ]
}

# Where ccache keeps what it compiled, as it was configured; where it is not installed yet, as it will.
ccache_folder() { ccache --get-config cache_dir 2>/dev/null || echo "${XDG_CACHE_HOME:-${HOME:-}/.cache}/ccache"; }

run_doctor() {
  local missing torch
  printf '%-10s %s\n' "system" "$(. /etc/os-release 2>/dev/null && echo "${PRETTY_NAME:-unknown}"), $(nproc) cores"
  printf '%-10s %s\n' "GPUs" "$(has_gpu && nvidia-smi -L | sed 's/ (UUID.*//' | paste -sd';' || echo "none")"
  printf '%-10s %s\n' "CUDA" "$(has_nvcc && nvcc --version | sed -n 's/.*release \([0-9.]*\),.*/toolkit \1/p' || echo "no toolkit (nvcc is not on PATH): builds are for the CPU")"
  printf '%-10s %s\n' "preset" "$(default_preset)"
  printf '%-10s %s\n' "cache" "$(can_write "$cache" || echo "cannot write to ")$cache"
  if torch=$(command -v cmake >/dev/null && tools/fetch_libtorch --find); then
    printf '%-10s %s\n' "LibTorch" "$torch"
  else
    printf '%-10s %s\n' "LibTorch" "not found; ./bootstrap setup fetches it"
  fi
  if ! can_write "$cache"; then echo "Name another folder for what is fetched:  export BALEEN_CACHE=FOLDER"; fi
  missing=$(missing_packages build check optional)
  if [ -z "$missing" ] && [ -n "$torch" ]; then
    echo "Nothing is missing."
    return
  fi
  describe_packages "$missing"
  if [ -n "$missing" ]; then
    install_advice $missing
  fi
}
