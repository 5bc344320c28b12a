#!/usr/bin/env bash
# The lines of the README under "Your own run" work as they stand: all but the first (this build) and the browser, with
# a training of a few steps.
#   readme_test.sh SOURCE_DIR BIN_DIR SCRATCH
set -euo pipefail
source_dir=$1 binaries=$2 scratch=$3
rm -rf "$scratch"
mkdir -p "$scratch/my_texts"
cd "$scratch"
ln -s "$source_dir/configs" "$source_dir/tools" .
for text in one two three; do
  for n in $(seq 60); do echo "This is sentence $n of text $text, which tells of nothing in particular."; done >"my_texts/$text.txt"
done

lines=$(sed -n '/^## Your own run/,/^## /p' "$source_dir/README.md" | sed -n '/^```/,/^```/p' | grep -v '^```')
if [ "$(wc -l <<<"$lines")" -ne 5 ]; then
  echo "README.md has no five lines under 'Your own run'"
  exit 1
fi
few_steps='training.steps=4 lr_scheduler.warmup_steps=1 lr_scheduler.decay_steps=2'
lines=$(sed -e 1d -e 's/ && xdg-open .*//' -e "s/ --run-dir/ $few_steps&/" <<<"$lines")
export PATH=$binaries:$PATH OMP_NUM_THREADS=1
bash -euxc "$lines"
test -s runs/mine/report.html
