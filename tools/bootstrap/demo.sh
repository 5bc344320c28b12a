# ./bootstrap demo: from the sources to a small model that writes English.

# tokenize_novels BALEEN DATA_DIR: Persuasion is held out, the other five novels are for training.
tokenize_novels() {
  local baleen=$1 data=$2 training=() novel
  if [ -e "$data/train.h5" ] && [ -e "$data/validation.h5" ]; then return; fi
  tools/fetch_austen "$data"
  for novel in "$data"/*.txt; do
    if [ "$(basename "$novel")" != persuasion.txt ]; then training+=("$novel"); fi
  done
  say "Tokenizing"
  "$baleen" data tokenize "${training[@]}" --tokenizer bytes --output "$data/train.h5"
  "$baleen" data tokenize "$data/persuasion.txt" --tokenizer bytes --output "$data/validation.h5"
}

# Ranks that the demo starts: one for each GPU up to two, or two on the CPU.
demo_ranks() {
  if [ "$1" = gpu ] && [ "$(gpu_count)" -eq 1 ]; then echo 1; else echo 2; fi
}

run_demo() {
  local preset baleen run=runs/demo data=$cache/austen ranks
  if [ $# -gt 0 ]; then stop "demo has no option '$1'." "./bootstrap --help lists the verbs and their options."; fi
  set_up build
  preset=$(default_preset)
  build "$preset" baleen baleen-compute
  baleen=build/$preset/bin/baleen
  tokenize_novels "$baleen" "$data"

  # A finished run is shown again; an interrupted one goes on from its last checkpoint.
  if [ ! -e "$run/report.html" ]; then
    local resume=()
    if [ -e "$run/checkpoints/LATEST" ]; then resume=(--resume); fi
    ranks=$(demo_ranks "$preset")
    say "Training on $ranks ranks ($preset)"
    tools/mpirun_local "$ranks" "$baleen" train configs/austen.toml "${resume[@]}" --run-dir "$run" \
      "data.train=\"$data/train.h5\"" "data.validation=\"$data/validation.h5\""
    "$baleen" report "$run"
  fi

  say "Validation"
  grep -h '"validation' "$run/metrics.jsonl" | tail -n 1
  say "A sample"
  "$baleen" generate "$run" --prompt "It was " --tokens 400 --temperature 0.8 --seed 1
  printf '\n\n'
  say "The run's report: $source_dir/$run/report.html"
}
