#!/usr/bin/env python3
"""`baleen bench` through the program, on the CPU: bench_verb_test.py SOURCES BINARIES."""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCES, BINARIES = (Path(argument).resolve() for argument in sys.argv[1:3])
BALEEN = str(BINARIES / "baleen")
CONFIG = """
[model]
dim = 32
layers = 2
heads = 4
kv_heads = 2
ffn_dim = 48
vocab_size = 128
max_sequence_length = 32
[data]
train = "random"
[training]
steps = 1
global_batch_size = 4
micro_batch_size = 1
sequence_length = 16
[launch]
device = "cpu"
threads_per_rank = 1
"""


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)


def table(text):
    """Cells by the first of their row."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


class Train(unittest.TestCase):
    def test_tells_speed_and_saves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "tiny.toml")
            config.write_text(CONFIG)
            outcome = run(SOURCES / "tools" / "mpirun_local", 2, BALEEN, "bench", "train", config, "--steps", 3, "--warm-up", 1,
                          f'run.dir="{folder}/runs"')
            self.assertEqual(outcome.returncode, 0, outcome.stderr)
            self.assertEqual([path.name for path in Path(folder).iterdir()], ["tiny.toml"])
        self.assertTrue(outcome.stdout.startswith(f"`baleen bench train {config} --steps 3 --warm-up 1 "), outcome.stdout)
        cells = table(outcome.stdout)
        self.assertEqual(cells["ranks"], ["2 x CPU"])
        milliseconds = float(re.match(r"([\d.]+) ms, median of 3;", cells["step"][0])[1])
        rate = float(cells["tokens/s per rank"][0].split()[0])
        self.assertAlmostEqual(rate * milliseconds / 1e3, 4 * 16 / 2, delta=1)
        self.assertAlmostEqual(float(cells["loss of the last step"][0]), 4.85, delta=0.3)  # ln 128

    def test_refuses_no_steps(self):
        outcome = run(BALEEN, "bench", "train", SOURCES / "configs" / "llama-160m.toml", "--steps", 0)
        self.assertEqual(outcome.returncode, 2)
        self.assertIn("--steps and --warm-up want at least 1", outcome.stderr)


class Kernels(unittest.TestCase):
    def test_measures_what_is_named(self):
        cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
        outcome = run(BALEEN, "bench", "kernels", "swiglu", "--shape", "demo", "--device", "cpu")
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        if load > cores + 1:
            self.assertIn("This machine is busy: load ", outcome.stdout)
        if load < 0.1:
            self.assertNotIn("This machine is busy", outcome.stdout)
        cells = table(outcome.stdout)
        self.assertEqual([name for name in cells if not name.startswith("-")],
                         ["op", "copy", "square product", "swiglu", "swiglu backward", "swiglu, abs_max",
                          "swiglu backward, abs_max"])
        time, floor, _, _, share = cells["swiglu"]
        self.assertAlmostEqual(float(share.rstrip("%")), 100 * float(floor) / float(time), delta=1)

    def test_refuses_what_it_does_not_know(self):
        for words, message in [(["nothing"], "no op has nothing in its name"), (["--shape", "2b"], "there is no shape 2b"),
                               (["--type", "int8"], "--type int8 is not known")]:
            outcome = run(BALEEN, "bench", "kernels", *words, "--device", "cpu", *(["--shape", "demo"] * ("--shape" not in words)))
            self.assertEqual(outcome.returncode, 2, words)
            self.assertIn(message, outcome.stderr)


class Compare(unittest.TestCase):
    def test_prints_the_ratio_of_each_round(self):
        ours, peer = "echo '| tokens/s per rank | 62500 (9 of 10 steps: 60000 or more) |'", "echo 'PEER: 50.0k tok/s/GPU, step 524 ms'"
        outcome = run(SOURCES / "bench" / "compare", "--rounds", 2, "--baleen", ours, "--peer", peer)
        self.assertIn("| 2 | 62500 | 50000 | 1.250 |\n| median | 62500 | 50000 | 1.250 (1.250 to 1.250) |", outcome.stdout)

    def test_stops_where_one_fails(self):
        outcome = run(SOURCES / "bench" / "compare", "--baleen", "echo 5 tokens/s", "--peer", "false")
        self.assertEqual(outcome.returncode, 2)
        self.assertIn("peer ended with 1 and no rate: false", outcome.stderr)


class Usage(unittest.TestCase):
    def test_says_what_there_is(self):
        self.assertIn("kernels [NAME]", run(BALEEN, "bench", "--help").stdout)
        for words, said in (([], "a verb is missing after `baleen bench`: train or kernels"),
                            (["kernel"], "there is no verb kernel; did you mean kernels?")):
            outcome = run(BALEEN, "bench", *words)
            self.assertEqual(outcome.returncode, 2)
            self.assertIn(said, outcome.stderr)
            self.assertIn("`baleen bench --help`", outcome.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
