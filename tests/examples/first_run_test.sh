#!/usr/bin/env bash
# The example of a first run works from an empty folder, learns something, and leaves what it promises.
#   first_run_test.sh SOURCE_DIR SCRATCH
set -euo pipefail
source_dir=$1 scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch"
"$source_dir/examples/first_run/run.sh" "$scratch"

for file in config.toml metrics.jsonl report.html checkpoints/LATEST; do
  if [ ! -s "$scratch/run/$file" ]; then
    echo "run/$file is missing or empty"
    exit 1
  fi
done
python3 - "$scratch/run/metrics.jsonl" <<'PYTHON'
import json
import sys

losses = [json.loads(line)["loss"] for line in open(sys.argv[1])]
assert len(losses) == 60, f"{len(losses)} steps, not 60"
assert losses[-1] < 0.75 * losses[0], f"from {losses[0]} to {losses[-1]}: nothing learnt"
PYTHON
