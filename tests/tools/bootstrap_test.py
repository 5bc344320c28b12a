#!/usr/bin/env python3
"""What ./bootstrap says to words that it does not know, before it sets anything up, and to a cache that it cannot write."""
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(os.environ["BALEEN_SOURCE_DIR"])
BOOTSTRAP = SOURCE / "bootstrap"
sys.path.insert(0, str(SOURCE / "tools"))
from wheels import storage_trouble  # noqa: E402  (what the fetching programs say of storage)

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

with tempfile.NamedTemporaryFile() as file:
    cache = Path(file.name, "cache")  # below a file: nobody can make it
    refusals = {("bootstrap", "demo"): "bootstrap", ("tools/fetch_austen", cache): "fetch_austen",
                ("tools/fetch_cudnn_frontend",): "fetch_cudnn_frontend", ("tools/setup_test_venv",): "setup_test_venv"}
    for command, name in refusals.items():
        answer = subprocess.run([SOURCE / command[0], *command[1:]], capture_output=True, text=True, timeout=60,
                                env=os.environ | {"BALEEN_CACHE": str(cache)})
        if answer.returncode != 2 or f"{name}: cannot write to {cache}" not in answer.stderr \
                or "BALEEN_CACHE=FOLDER" not in answer.stderr or "space" in answer.stderr:
            failed += 1
            print(f"{command}: exit {answer.returncode}\n{answer.stdout}{answer.stderr}")
    doctor = subprocess.run([BOOTSTRAP, "doctor"], capture_output=True, text=True, timeout=60,
                            env=os.environ | {"BALEEN_CACHE": str(cache)})
    if f"cannot write to {cache}" not in doctor.stdout or "BALEEN_CACHE=FOLDER" not in doctor.stdout:
        failed += 1
        print(f"doctor: {doctor.stdout}{doctor.stderr}")
    home = {"HOME": str(cache), "BALEEN_CACHE": "/kept", "PATH": os.environ["PATH"]}
    ccache = subprocess.run(["bash", "-c", 'source "$0" --help >/dev/null && echo "$CCACHE_DIR"', BOOTSTRAP], capture_output=True,
                            text=True, env=home)
    if ccache.stdout != "/kept/ccache\n":
        failed += 1
        print(f"in a home that cannot be written ccache has the folder {ccache.stdout}{ccache.stderr}")
# ccache's own folder, where it is known: one that was configured stays where it can be written.
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "file").touch()
    Path(folder, "ccache").write_text('#!/bin/sh\n[ "$*" = "--get-config cache_dir" ] && echo "$CONFIGURED"\n')
    Path(folder, "ccache").chmod(0o755)
    for home, configured, expected in ((f"{folder}/file", f"{folder}/own", ""), (folder, f"{folder}/file/own", "/kept/ccache")):
        env = {"HOME": home, "BALEEN_CACHE": "/kept", "CONFIGURED": configured, "PATH": f"{folder}:{os.environ['PATH']}"}
        ccache = subprocess.run(["bash", "-c", 'source "$0" --help >/dev/null && echo "${CCACHE_DIR:-}"', BOOTSTRAP],
                                capture_output=True, text=True, env=env)
        if ccache.stdout != expected + "\n":
            failed += 1
            print(f"ccache, which has {configured}, gets the folder {ccache.stdout}{ccache.stderr}")

# A training of the demo that fails: what is advised goes by why.
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "tools").mkdir()
    Path(folder, "tools/mpirun_local").write_text('#!/bin/sh\nexit "$CODE"\n')
    Path(folder, "tools/mpirun_local").chmod(0o755)
    train = f'source "{SOURCE}/tools/bootstrap/console.sh"; source "{SOURCE}/tools/bootstrap/demo.sh"; train_demo release baleen data run'
    other, goes_on = "run is of another configuration; remove it (rm -r run) and run", "goes on from what was saved last"
    for code, run_is_there, expected, wrong in ((2, True, other, goes_on), (2, False, goes_on, other), (75, True, goes_on, other)):
        if run_is_there:
            Path(folder, "run").mkdir(exist_ok=True)
        else:
            Path(folder, "run").rmdir()
        answer = subprocess.run(["bash", "-euo", "pipefail", "-c", train], capture_output=True, text=True, cwd=folder,
                                env=os.environ | {"CODE": str(code)})
        if answer.returncode != code or expected not in answer.stdout or wrong in answer.stdout:
            failed += 1
            print(f"a demo whose training ends with {code}: exit {answer.returncode}\n{answer.stdout}{answer.stderr}")
for number, expected in ((errno.ENOSPC, "Free some space"), (errno.EACCES, "Name another folder")):
    if not storage_trouble(OSError(number, "why", "file"), "folder")[1].startswith(expected):
        failed += 1
        print(f"errno {number} does not lead to: {expected}")
sys.exit(1 if failed else 0)
