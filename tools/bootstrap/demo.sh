# ./bootstrap demo: from the sources to a small model that writes English.

# fetch_novels FOLDER: apt must know the package; a machine where nothing had to be installed may never have asked.
fetch_novels() {
  if [ ! -e "$1/persuasion.txt" ] && [ -z "${BALEEN_AUSTEN_DEB:-}" ] && ! apt_knows r-cran-janeaustenr; then
    update_package_lists
  fi
  tools/fetch_austen "$1"
}

# tokenize_novels BALEEN FOLDER: Persuasion is held out, the other five novels are for training.
tokenize_novels() {
  local baleen=$1 data=$2 training=() novel
  for novel in "$data"/*.txt; do
    if [ "$(basename "$novel")" != persuasion.txt ]; then training+=("$novel"); fi
  done
  if [ ! -e "$data/train.h5" ]; then
    "$baleen" data tokenize "${training[@]}" --tokenizer bytes --output "$data/train.h5"
  fi
  if [ ! -e "$data/validation.h5" ]; then
    "$baleen" data tokenize "$data/persuasion.txt" --tokenizer bytes --output "$data/validation.h5"
  fi
}

# Ranks that the demo starts: one for each GPU up to two, or two on the CPU.
demo_ranks() {
  if [ "$1" = gpu ] && [ "$(gpu_count)" -eq 1 ]; then echo 1; else echo 2; fi
}

# train_demo PRESET BALEEN DATA RUN
train_demo() {
  local preset=$1 baleen=$2 data=$3 run=$4 ranks cores code
  ranks=$(demo_ranks "$preset")
  cores=$(nproc)
  say "Training on $ranks ranks ($preset)"
  # Also where nothing has run yet, or was interrupted before its first checkpoint: then it starts with step 0.
  OMP_NUM_THREADS=$((cores > ranks ? cores / ranks : 1)) \
    tools/mpirun_local "$ranks" "$baleen" train configs/austen.toml --run-dir "$run" --resume \
    "data.train=\"$data/train.h5\"" "data.validation=\"$data/validation.h5\"" || {
    code=$?
    # The options and the novels are the demo's own: what baleen then refuses is what the run was made with.
    if [ "$code" -eq 2 ] && [ -d "$run" ]; then
      say "$run is of another configuration; remove it (rm -r $run) and run ./bootstrap demo again"
    else
      say "The training ended with exit code $code; ./bootstrap demo goes on from what was saved last"
    fi
    return "$code"
  }
  "$baleen" report "$run"
}

# show_validation RUN: the last one, as the run's events have it.
show_validation() {
  python3 - "$1/events.jsonl" <<'PYTHON'
import json
import sys

events = [json.loads(line) for line in open(sys.argv[1])]
last = [event for event in events if event["event"] == "validation"][-1]
print(f"step {last['step']}: loss {last['loss']:.4f}, {last['bits_per_byte']:.3f} bits per byte")
PYTHON
}

run_demo() {
  local preset baleen run=runs/demo data=$cache/austen
  if [ $# -gt 0 ]; then stop "demo has no option '$1'." "./bootstrap --help lists the verbs and their options."; fi
  # Before the build, which takes minutes.
  if [ ! -e "$data/validation.h5" ] && ! can_write "$cache"; then
    stop "cannot write to $cache." "Name another folder for what is fetched: BALEEN_CACHE=FOLDER ./bootstrap demo"
  fi
  set_up build
  preset=$(default_preset)
  build "$preset" baleen baleen-compute
  baleen=build/$preset/bin/baleen
  say "The novels"
  fetch_novels "$data"
  tokenize_novels "$baleen" "$data"

  # A finished run is shown again; an interrupted one, which has a report too, goes on from its last checkpoint.
  if [ ! -e "$run/finished" ]; then
    train_demo "$preset" "$baleen" "$data" "$run"
    touch "$run/finished"
  fi

  say "Validation on a novel that it never saw"
  show_validation "$run"
  say "What it writes"
  "$baleen" generate "$run" --prompt "It was " --tokens 400 --temperature 0.8 --seed 1
  printf '\n\n'
  say "The run's report: $source_dir/$run/report.html"
}
