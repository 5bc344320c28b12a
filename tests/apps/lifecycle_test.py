#!/usr/bin/env python3
"""A run as people and schedulers treat it: killed, signalled, stopped, started twice, mistyped. Real programs, two ranks.

lifecycle_test.py SOURCE_DIR BIN_DIR SCRATCH_DIR
"""
import json
import os
import random
import signal
import subprocess
import time

import tiny_job
from tiny_job import baleen, expect

mpirun = [tiny_job.mpirun, "2"]
CONFIG = tiny_job.CONFIG + "[checkpoint]\nevery = 1\nkeep = 3\n"


def run_ranks(*arguments):
    return subprocess.Popen(mpirun + [baleen, "train", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def start(*arguments):
    return run_ranks("run.toml", *arguments)


def family_of(job):
    """The process ids of the job and of all below it."""
    family, parents = [job.pid], {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                parents[int(pid)] = int(stat.read().rpartition(")")[2].split()[1])
        except FileNotFoundError:
            pass
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def kill(job):
    """SIGKILL for mpirun and its ranks, which have process groups of their own and would outlive it."""
    for pid in family_of(job):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return job.communicate()[0]


def finish(job):
    output = job.communicate(timeout=120)[0]
    return job.returncode, output


def metrics(run):
    with open(os.path.join(run, "metrics.jsonl")) as lines:
        return [(step["step"], step["loss"], step["grad_norm"]) for step in map(json.loads, lines)]


def steps_so_far(run):
    try:
        with open(os.path.join(run, "metrics.jsonl")) as lines:
            return sum(1 for _ in lines)
    except FileNotFoundError:
        return 0


def wait_for_steps(run, count):
    deadline = time.monotonic() + 60
    while steps_so_far(run) < count:
        assert time.monotonic() < deadline, f"{run} made no {count} steps in a minute"
        time.sleep(0.01)


with open("run.toml", "w") as file:
    file.write(CONFIG)
with open("text.txt", "w") as file:
    file.write("".join(f"It is the {n}th sentence of a dull but truthful book. " for n in range(400)))
subprocess.run([baleen, "data", "tokenize", "text.txt", "--tokenizer", "bytes", "--output", "text.h5"], check=True)

code, output = finish(start("--run-dir", "whole"))
expect(code == 0, "an uninterrupted run ends with 0", output)
expect(len(metrics("whole")) == 40, "it told all 40 steps", output)

# With a checkpoint after every step, nearly every moment is in the middle of a save.
generator = random.Random(1)
kills = 0
while True:
    before = steps_so_far("killed")
    job = start("--run-dir", "killed", "--resume")
    deadline = time.monotonic() + 60
    while job.poll() is None and steps_so_far("killed") < before + 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(generator.uniform(0, 0.15))
    if job.poll() is None and kills < 6:
        kill(job)
        kills += 1
        continue
    code, output = finish(job)
    expect(code == 0, f"a run killed with SIGKILL {kills} times resumes to its end", output)
    break
expect(kills >= 3, "it was killed at least three times")
expect(metrics("killed") == metrics("whole"), "its losses and gradient norms are those of the uninterrupted run, bit for bit")
expect(subprocess.run([baleen, "ckpt", "verify", "killed"]).returncode == 0, "its checkpoint is sound")

job = start("--run-dir", "busy", "training.steps=1000000", "checkpoint.every=0")
wait_for_steps("busy", 1)
code, output = finish(start("--run-dir", "busy", "--resume"))
expect(code == 12 and "in use by another job (process " in output,
       "a second job on the same run directory ends with 12 and hears who is there", output)
kill(job)

job = start("--run-dir", "signalled")
wait_for_steps("signalled", 5)
job.send_signal(signal.SIGUSR1)
code, output = finish(job)
expect(code == 75 and "ended by signal" not in output, "SIGUSR1 ends the run with 75", output)
code, output = finish(start("--run-dir", "signalled", "--resume"))
expect(code == 0 and metrics("signalled") == metrics("whole"), "and --resume goes on bit for bit", output)

job = start("--run-dir", "interrupted", "training.steps=1000000", "checkpoint.every=0")
wait_for_steps("interrupted", 1)
job.send_signal(signal.SIGINT)
output = finish(job)[1]
expect(output.count("if mpirun was signalled, it gives its ranks about a second") == 1 and "`touch interrupted/STOP` or SIGUSR1 always saves" in output,
       "Ctrl-C is answered once, with what mpirun makes of it", output)

job = start("--run-dir", "stopped")
wait_for_steps("stopped", 5)
open("stopped/STOP", "w").close()
code, output = finish(job)
expect(code == 75 and not os.path.exists("stopped/STOP"), "the file STOP ends the run with 75 and is taken away", output)
expect(output.count("report: stopped/report.html") == 1 and os.path.exists("stopped/report.html"),
       "and leaves a report", output)
code, output = finish(run_ranks("stopped/config.toml", "--resume"))
expect(code == 0 and not os.path.exists("runs") and metrics("stopped") == metrics("whole"),
       "--resume with a run's own config.toml goes on with that run", output)

job = start("--run-dir", "lost", "training.steps=1000000", "checkpoint.every=5")
wait_for_steps("lost", 6)
ranks = [pid for pid in family_of(job) if os.readlink(f"/proc/{pid}/exe").endswith("/baleen-compute")]
expect(len(ranks) == 2, "two ranks are there", str(ranks))
os.kill(ranks[1], signal.SIGKILL)
code, output = finish(job)
expect(code == 137 and output.count("a rank was ended by signal 9 (KILL)") == 1 and "--resume" in output,
       "a rank that is killed ends the run with 137, the reason and what to do", output)
saved = int(open("lost/checkpoints/LATEST").read().rsplit("-", 1)[1])
code, output = finish(start("--run-dir", "lost", f"training.steps={saved + 2}", "--resume"))
expect(code == 0 and f"resumed from lost/checkpoints/step-{saved:08}" in output, "and --resume goes on from its last save", output)

code, output = finish(start("--run-dir", "whole"))
expect(code == 2 and "already holds a run" in output, "a fresh run does not write over another", output)
code, output = finish(start("model.dmi=3", "training.steps=-1"))
expect(code == 2 and output.count("did you mean") == 1 and "training.steps" in output and "terminate" not in output,
       "two mistakes under mpirun are told once, together", output)
# Each is told by one rank, in its two lines.
os.mkdir("photos")
for name in ("me.png", "report.html"):
    open(f"photos/{name}", "w").close()
for wrong, message in {("gone.toml",): "gone.toml", ("run.toml", "--resmue"): "--resmue",
                       ("run.toml", "--resume=last"): "--resume=last",
                       ("run.toml", "--resume", "20"): "--resume=20",
                       ("run.toml", "--resume="): "--resume is empty",
                       ("run.toml", "--resume", ""): "an argument is empty",
                       ("run.toml", "--run-dir", ""): "--run-dir is empty",
                       ("run.toml", "--training.steps=5"): "overrides have no dashes: training.steps=5",
                       ("run.toml", "--resume=7", "--run-dir", "typo"): "there is no run directory typo",
                       ("run.toml", "--run-dir", "photos"): "photos is not empty and holds no run: me.png, report.html are",
                       ("run.toml", "--resume", "--run-dir", "photos"): "photos is not empty and holds no run",
                       ("run.toml", "--run-dir", "/proc/x"): "/proc/x:"}.items():
    code, output = finish(run_ranks(*wrong))
    expect(code in (2, 40) and output.count("baleen: ") == 1 and output.count(message) == 1,
           f"train {' '.join(wrong)} under mpirun is refused once", output)
expect(not os.path.exists("typo") and sorted(os.listdir("photos")) == ["me.png", "report.html"], "and nothing is made there")
os.mkdir("logged")
open("logged/job-17.out", "w").close()
code, output = finish(start("--run-dir", "logged", "training.steps=1"))
expect(code == 0, "a folder with nothing but the job's log is taken", output)
code, output = finish(start("--run-dir", "whole", "--resume=7"))
expect(code == 2 and "40" in output, "a step without a checkpoint is refused and the steps that are there are named", output)

code, output = finish(start("--run-dir", "whole", "--resume", "training.global_batch_size=2", "run.seed=7"))
expect(code == 2 and "global_batch_size is 2, was 4" in output and "run.seed is 7, was 42" in output
       and "parameters" not in output, "another batch is refused with all changes, before the banner", output)
code, output = finish(start("--run-dir", "whole", "--resume", "optimizer.name=sgd", "model.layers=7", "model.heads=1",
                            "model.kv_heads=1"))
expect(code == 2 and "another optimizer.name and model.layers and model.heads and model.kv_heads" in output and "say optimizer.name=adamw" in output,
       "so are another optimizer and other heads, which fit the same tensors", output)
newest = sorted(name for name in os.listdir("whole/checkpoints") if name.startswith("step-"))[-1]
for place in ("whole/checkpoints", f"whole/checkpoints/{newest}"):
    code, output = finish(start("--run-dir", place, "--resume"))
    expect(code == 2 and "holds no run" in output, f"{place} is taken for no run directory", output)

# Going on from an older step, killed before the next save: the newer checkpoints are of another history from then on.
code, output = finish(start("--run-dir", "branch", "checkpoint.every=10", "checkpoint.keep=0"))
expect(code == 0, "a run with the checkpoints 10, 20, 30, 40 ends with 0", output)
job = start("--run-dir", "branch", "--resume=20", "checkpoint.every=0", "training.steps=1000000")
deadline = time.monotonic() + 60
while not 21 <= steps_so_far("branch") < 40 and time.monotonic() < deadline:  # the log is rewound to 20 at first
    time.sleep(0.005)
output = kill(job)
expect("going on from step 20: checkpoints of later steps (30, 40) are left behind" in output, "a line tells what is left behind", output)
verified = subprocess.run([baleen, "ckpt", "verify", "branch"], capture_output=True, text=True)
expect("step 20," in verified.stdout, "after a kill before the next save step 20 is the newest", verified.stdout)
code, output = finish(start("--run-dir", "branch", "--resume=30"))
expect(code == 2 and "left behind" in output, "an abandoned step is refused by name", output)
code, output = finish(start("--run-dir", "branch", "--resume"))
expect(code == 0 and "resumed from branch/checkpoints/step-00000020" in output, "and --resume goes on from it", output)
expect(metrics("branch") == metrics("whole"), "bit for bit as the uninterrupted run")

events = open("whole/events.jsonl").read()
config = open("whole/config.toml").read()
code, output = finish(start("--run-dir", "whole", "--resume", "optimizer.lr=1e-3"))
expect(code == 0 and output.count("the run is finished") == 1 and open("whole/events.jsonl").read() == events
       and open("whole/config.toml").read() == config,
       "resuming a finished run says that it is finished, ends with 0, tells no event again and records no other setting",
       output)
code, output = finish(start("--run-dir", "whole", "--resume", "training.steps=5", "optimizer.lr=1e-3"))
expect(code == 0 and output.count("nothing to do: the run has done 40 steps, and training.steps is 5") == 1
       and "learning rate" not in output and open("whole/config.toml").read() == config,
       "and where fewer steps are asked for than are done, that there is nothing to do", output)

code, output = finish(run_ranks("whole/checkpoints/step-00000040/config.toml", "--resume"))
expect(code == 2 and "is the configuration of one checkpoint" in output and "train whole/config.toml --resume=STEP" in output,
       "a checkpoint's configuration does not start another run in place of its own", output)

generate = [baleen, "generate", "whole", "--prompt", "It is", "--tokens", "20", "--seed", "3"]
first, second = (subprocess.run(generate, capture_output=True, text=True) for _ in range(2))
expect(first.returncode == 0 and first.stdout.startswith("It is") and len(first.stdout) > 10, "generate continues a prompt",
       first.stdout + first.stderr)
expect(first.stdout == second.stdout, "the same seed gives the same text")
for places in (["It is", "--prompt", "whole"], ["It is", "whole"], ["whole", "It is"], ["whole", "It", "is"],
               ["whole", "--prompt", "It", "is"]):
    swapped = subprocess.run([baleen, "generate", *places], capture_output=True, text=True)
    expect(swapped.returncode == 2 and swapped.stderr.endswith('say: baleen generate whole --prompt "It is"\n'),
           f"generate {places} is told how to be written", swapped.stderr)
quotes = subprocess.run([baleen, "generate", "whole", 'say "it\'s"'], capture_output=True, text=True)
expect(quotes.stderr.endswith("""--prompt 'say "it'\\''s"'\n"""), "quotes in it are written as a shell takes them", quotes.stderr)

listed = subprocess.run([baleen, "ckpt", "ls", "branch"], capture_output=True, text=True)
expect(listed.returncode == 0, "ckpt ls ends with 0 where all is complete", listed.stderr)
os.truncate("branch/checkpoints/step-00000040/rank-00000.h5", 100)
damaged = subprocess.run([baleen, "ckpt", "ls", "branch"], capture_output=True, text=True)
expect(damaged.returncode == 41 and damaged.stdout.count("\n") == listed.stdout.count("\n") + 1
       and "1 checkpoint damaged" in damaged.stderr, "and with 41, after all lines, where one is damaged", damaged.stdout)
expect(os.path.exists("whole/report.html"), "the run left a report")

newest = os.path.join("whole/checkpoints", open("whole/checkpoints/LATEST").read().strip())
config = open(f"{newest}/config.toml").read()
for damage in (lambda path: os.remove(path), lambda path: open(path, "w").write(config[:300])):
    damage(f"{newest}/config.toml")
    step = int(newest.rsplit("-", 1)[1])
    code, output = finish(start("--run-dir", "whole", f"--resume={step}"))
    expect(code == 41 and "config.toml" in output and "cannot be resumed with" not in output,
           "a checkpoint whose config.toml is damaged is told to be damaged", output)
    listed = subprocess.run([baleen, "ckpt", "ls", "whole"], capture_output=True, text=True)
    expect(listed.returncode == 41 and "config.toml" in listed.stdout, "and listed as such", listed.stdout)
    open(f"{newest}/config.toml", "w").write(config)

history = open("whole/metrics.jsonl").read()
os.rename("whole/checkpoints", "elsewhere")
code, output = finish(start("--run-dir", "whole", "--resume"))
expect(code == 41 and "holds none" in output and open("whole/metrics.jsonl").read() == history,
       "a run whose checkpoints are gone is not begun anew over its history", output)
print("all passed")
