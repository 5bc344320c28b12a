#!/usr/bin/env python3
"""Ranks that do not fit together, and ranks that fail: real programs under mpirun. Each time one message, the right exit
code, and an end within two seconds of it.

bad_days_test.py SOURCE_DIR BIN_DIR SCRATCH_DIR
"""
import os
import re
import shutil
import subprocess
import threading
import time

from tiny_job import CONFIG, baleen, binaries, expect, expect_end, run, scratch

compute, failing_rank = (os.path.join(binaries, name) for name in ("baleen-compute", "failing_rank"))


def unlike(what, code, pattern, *second):
    """Two ranks, the second started by other words."""
    expect_end(what, code, pattern, 1, baleen, "train", "run.toml", "--run-dir", run_dir, ":", "-n", "1", *second)
    expect(not os.path.exists(os.path.join(run_dir, "metrics.jsonl")), f"{what} is refused before step 0")


def train(*arguments):
    return baleen, "train", "run.toml", "--run-dir", run_dir, *arguments


def make_dataset(folder, sentences):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "text.txt"), "w") as file:
        file.write("".join(f"It is the {n}th sentence of a dull but truthful book. " for n in range(sentences)))
    subprocess.run([baleen, "data", "tokenize", "text.txt", "--tokenizer", "bytes", "--output", "text.h5"], cwd=folder,
                   check=True, stdout=subprocess.DEVNULL)


def patch(path, old, new, most=-1):
    """In place: who has mapped the file sees it."""
    with open(path, "r+b") as file:
        content = file.read()
        expect(old in content, f"{os.path.basename(path)} has what is to be patched")
        file.seek(0)
        file.write(content.replace(old, new, most))


for folder in (".", "elsewhere"):
    make_dataset(folder, 400 if folder == "." else 399)
    with open(os.path.join(folder, "run.toml"), "w") as file:
        file.write(CONFIG)
run_dir = os.path.join(scratch, "run")

# Ranks that were started unlike. 2: what they were asked for; 11: what they are.
MISFIT = "the ranks do not fit together: "
unlike("another value", 2, rf"rank 1: {MISFIT}optimizer\.lr is 0\.002 on rank 1 and 0\.0003 on rank 0",
       *train("optimizer.lr=2e-3"))
unlike("another device", 2, rf'rank 1: {MISFIT}launch\.device is "cpu" on rank 1 and "auto" on rank 0',
       *train("launch.device=cpu"))
unlike("another mesh", 2, rf"rank 1: {MISFIT}parallelism\.pipeline is 2 on rank 1 and 1 on rank 0",
       *train("parallelism.pipeline=2"))
unlike("--resume on one rank", 2, rf"rank 1: {MISFIT}--resume is the newest checkpoint on rank 1 and not given on rank 0",
       *train("--resume"))
unlike("a mistake on one rank", 2, r"rank 1: .*optimizer\.rl.*", *train("optimizer.rl=2e-3"))
unlike("another dataset of the same name", 11,
       rf"rank 1: {MISFIT}the content of text\.h5 is [0-9a-f]{{32}} on rank 1 and [0-9a-f]{{32}} on rank 0",
       "-wdir", "elsewhere", *train())
build = re.search(r"build ([0-9a-f]{16,})", subprocess.run([compute, "version"], capture_output=True, text=True).stdout)
expect(build, "the program knows its build")
shutil.copy(compute, "other-compute")
patch("other-compute", bytes.fromhex(build[1]), bytes.fromhex(build[1])[::-1])
unlike("another build", 11, rf"rank 1: {MISFIT}Baleen is 0\..*, build {bytes.fromhex(build[1])[::-1].hex()}\) on rank 1 and "
       rf"0\..*, build {build[1]}\) on rank 0", os.path.abspath("other-compute"), *train()[1:])

# Another build of a library under the same name and version: libc10 with another id in its note.
version = subprocess.run([compute, "version"], capture_output=True, text=True).stdout
found = re.search(r"^(libc10\.so) build ([0-9a-f]{16,})  (.*)$", version, re.MULTILINE)
expect(found, "the program knows the builds of its libraries", version)
library, ours = found[1], bytes.fromhex(found[2])
os.makedirs("other-libraries")
shutil.copy(found[3], os.path.join("other-libraries", library))
patch(os.path.join("other-libraries", library), ours, ours[::-1])
unlike("another build of a library", 11,
       rf"rank 1: {MISFIT}libc10\.so is build {ours[::-1].hex()} on rank 1 and build {ours.hex()} on rank 0",
       "env", f"LD_LIBRARY_PATH={os.path.abspath('other-libraries')}:{os.environ.get('LD_LIBRARY_PATH', '')}", *train())

# Files that are not where all ranks see them. /proc/self/cwd stands for a disk that each node has of its own.
os.makedirs("node2")
for name in ("run.toml", "text.h5"):
    shutil.copy(name, "node2")
for start in ((), ("--resume",)):
    command = (baleen, "train", "run.toml", "--run-dir", "not-shared", *start)
    expect_end(f"a run directory that ranks do not share {start}", 11,
               rf"rank 1: \S+ does not see what rank 0 writes into the run directory: its {scratch}/node2/not-shared is another "
               r"one\n  name a folder on a file system that all ranks share, .*--run-dir.*",
               1, *command, ":", "-n", "1", "-wdir", "node2", *command)
    expect(sorted(os.listdir("not-shared")) == ["checkpoints", "lock", "log"], "nothing is left of the look, nor begun")
for folder, seed in ((".", 1), ("node2", 2)):
    code, output, _ = run(1, *train("training.steps=20", f"run.seed={seed}"))
    expect(code == 0, f"20 steps for {folder}", output)
    shutil.move(os.path.join(run_dir, "checkpoints"), os.path.join(folder, "checkpoints"))
    shutil.rmtree(run_dir)
os.makedirs(run_dir)
os.symlink("/proc/self/cwd/checkpoints", os.path.join(run_dir, "checkpoints"))
checkpoint = rf"{run_dir}/checkpoints/step-00000020 with manifest [0-9a-f]{{32}}"
for start in ("--resume", "--resume=20"):
    expect_end(f"another checkpoint of the same name, {start}", 11,
               rf"rank 1: {MISFIT}the checkpoint to go on from is {checkpoint} on rank 1 and {checkpoint} on rank 0",
               1, *train(start), ":", "-n", "1", "-wdir", "node2", *train(start))
    expect(not os.path.exists(os.path.join(run_dir, "metrics.jsonl")), "and is refused before step 0")
shutil.rmtree(run_dir)

# A world that no mesh fits.
code, output, _ = run(3, *train())
expect(code == 2 and output.count("baleen: ") == 1 and "fit: training.global_batch_size=3 or 6, or 2 ranks, or 4 ranks\n"
       in output, "a world without a legal mesh is refused once, with the nearest", output)

# Ranks that fail on the way.
expect_end("lr=1e30", 30, r"step \d+: 10 steps in a row had a loss or gradient that is not finite\n  lower optimizer.lr or .* start "
           "anew with --resume: nothing has been saved yet.*", 4, *train("optimizer.lr=1e30", "optimizer.max_grad_norm=0"))
for rank in (0, 2):
    os.makedirs(f"failing-{rank}")
    expect_end(f"rank {rank} failing inside a step", 40, f"rank {rank}: step 3: a planted fault", 4, failing_rank,
               f"failing-{rank}", str(rank))
os.makedirs("failing-every")
expect_end("every rank failing inside a step", 40, "rank [0-3]: step 3: a planted fault", 4, failing_rank, "failing-every",
           "every")


# Damage to a dataset: while it is read, and before.
def damage_what_is_read():
    deadline = time.monotonic() + 60
    while not os.path.exists(os.path.join(run_dir, "metrics.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    patch("text.h5", "book".encode("utf-16-le"), "boo".encode("utf-16-le") + b"\xff\xff")


shutil.rmtree(run_dir)
threading.Thread(target=damage_what_is_read).start()
expect_end("a token damaged during the run", 2, r"rank [0-3]: step \d+: text\.h5 .*65535.*", 4,
           *train("training.steps=1000000"))
shutil.rmtree(run_dir)
os.remove("text.h5")
make_dataset(".", 400)
patch("text.h5", "book".encode("utf-16-le"), "boot".encode("utf-16-le"), 1)
expect_end("a flipped letter", 2, r'(rank [1-3]: )?text\.h5 is damaged: block 0 of 1 "tokens" has digest .*', 4, *train())
expect(not os.path.exists(os.path.join(run_dir, "metrics.jsonl")), "and is refused before step 0")
print("all passed")
