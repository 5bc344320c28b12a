#!/usr/bin/env python3
"""What ./bootstrap says to words that it does not know, before it sets anything up."""
import os
import subprocess
import sys
from pathlib import Path

BOOTSTRAP = Path(os.environ["BALEEN_SOURCE_DIR"]) / "bootstrap"
CASES = [
    (["biuld"], "There is no verb 'biuld'."),
    (["build", "relase"], "There is no preset 'relase'; did you mean release?"),
    (["build", "baleen"], "There is no preset 'baleen'\n  Presets: release debug asan tsan gpu. A target stands behind its preset: "
                          "./bootstrap build release baleen ..."),
    (["demo", "--fast"], "demo has no option '--fast'."),
    (["test", "--all"], "test has no option '--all'."),
]

failed = 0
for words, expected in CASES:
    answer = subprocess.run([BOOTSTRAP, *words], capture_output=True, text=True, timeout=60)
    if answer.returncode != 2 or not answer.stderr.startswith("bootstrap: " + expected) or answer.stdout:
        failed += 1
        print(f"{words}: exit {answer.returncode}\n{answer.stdout}{answer.stderr}")
sys.exit(1 if failed else 0)
