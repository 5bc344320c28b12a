#!/usr/bin/env python3
"""Every example of a layout can be checked, planned and trained as its first line says, docs/parallelism.md and its folder's
README.md name it, and the report of a pipeline has its picture.

layouts_test.py SOURCE_DIR BIN_DIR SCRATCH_DIR
"""
import html
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

source, binaries, scratch = sys.argv[1:4]
baleen = os.path.join(binaries, "baleen")
folder = os.path.join(source, "examples", "layouts")
TRAINED = {"pipeline.toml", "zero3.toml", "all.toml"}  # each axis once: training all takes longer than it tells
SVG = "{http://www.w3.org/2000/svg}"


def run(*command):
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def train(path, ranks):
    run_dir = os.path.join(scratch, os.path.basename(path)[:-5])
    output = run(os.path.join(source, "tools", "mpirun_local"), str(ranks), baleen, "train", path, "--run-dir", run_dir,
                 "launch.device=cpu")
    assert "step 4: traced" in output and "communication exposed" in output, output
    with open(os.path.join(run_dir, "metrics.jsonl")) as lines:
        assert len(lines.readlines()) == 6, run_dir
    with open(os.path.join(run_dir, "trace", "step-00000004.json")) as file:
        events = json.load(file)["traceEvents"]
    assert {event["pid"] for event in events} == set(range(ranks)), "every rank is in the trace"
    return run_dir


def pictures(run_dir):
    with open(os.path.join(run_dir, "report.html")) as file:
        page = file.read()
    return [xml.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
            for svg in re.findall(r"<svg class=\"timeline\".*?</svg>", page, re.DOTALL)]


def texts(picture, style):
    return [text.text for text in picture.iter(SVG + "text") if text.get("class") == style]


def check_schedule(picture, ranks, micro_batches):
    description = html.unescape(picture.get("aria-label"))
    assert re.search(r"Planned: [\d.]+ ms, bubble [\d.]+ %\. Measured: [\d.]+ ms, bubble [\d.]+ %\.", description), description
    heads = texts(picture, "head")
    assert [head.split(":")[0] for head in heads] == ["planned", "measured"], heads
    forwards = [box for box in picture.iter(SVG + "rect") if "fwd" in box.get("class").split()]
    assert len(forwards) == 2 * ranks * micro_batches, len(forwards)
    width = float(picture.get("viewBox").split()[2])
    for box in picture.iter(SVG + "rect"):
        x, w = float(box.get("x")), float(box.get("width"))
        assert 0 <= x and 0 < w and x + w <= width, box.attrib


def main():
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    with open(os.path.join(source, "docs", "parallelism.md")) as file:
        document = file.read()
    with open(os.path.join(folder, "README.md")) as file:
        readme = file.read()
    names = sorted(name for name in os.listdir(folder) if name.endswith(".toml") and name != "base.toml")
    assert len(names) >= 7, names
    for name in names:
        path = os.path.join(folder, name)
        with open(path) as file:
            command = re.match(rf"# tools/mpirun_local (\d+) baleen train examples/layouts/{name}\n", file.readline())
        assert command, f"the first line of {name} says how to start it"
        ranks = int(command[1])
        assert f"../examples/layouts/{name}" in document, f"docs/parallelism.md does not name {name}"
        assert f"\n| [{name}]({name}) | {ranks} |" in readme, f"README.md does not name {name} with its {ranks} ranks"
        run(baleen, "check", path, "--ranks", str(ranks))
        plan = run(baleen, "plan", path, "--ranks", str(ranks), "--only-this")
        assert "tokens/s per GPU" in plan, plan
        if name not in TRAINED:
            continue
        drawn = pictures(train(path, ranks))
        if name == "pipeline.toml":
            check_schedule(drawn.pop(0), ranks=4, micro_batches=16)
        elif name == "all.toml":
            check_schedule(drawn.pop(0), ranks=2, micro_batches=8)
        assert len(drawn) == 1, "and a bar for each rank"
        assert len(texts(drawn[0], "tick")) > 2 * ranks, "each with its name and its exposed communication"


main()
