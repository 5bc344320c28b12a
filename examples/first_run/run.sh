#!/usr/bin/env bash
# A first run of your own, in an empty folder:  examples/first_run/run.sh FOLDER
# Needs baleen on PATH (./bootstrap build). Put your own text files where this one takes Baleen's documents.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
cd "${1:-.}"

baleen data tokenize "$root"/README.md "$root"/docs/*.md --tokenizer bytes --output words.h5
baleen check "$here/run.toml" --ranks 2
"$root"/tools/mpirun_local 2 baleen train "$here/run.toml" --run-dir run
baleen generate run --prompt "Baleen " --tokens 80
baleen report run
