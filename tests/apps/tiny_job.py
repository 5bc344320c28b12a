"""What the tests of whole jobs share: a scratch folder to work in, a tiny configuration, and a check that stops at once.

Started as TEST.py SOURCE_DIR BIN_DIR SCRATCH_DIR.
"""
import os
import re
import shutil
import subprocess
import sys
import time

source, binaries, scratch = sys.argv[1:4]
shutil.rmtree(scratch, ignore_errors=True)
os.makedirs(scratch)
os.chdir(scratch)

baleen = os.path.join(binaries, "baleen")
mpirun = os.path.join(source, "tools", "mpirun_local")

CONFIG = """
[model]
layers = 2
dim = 32
heads = 2
ffn_dim = 64
[data]
train = "text.h5"
[training]
steps = 40
global_batch_size = 4
micro_batch_size = 1
sequence_length = 32
"""


def expect(condition, what, output=""):
    if not condition:
        sys.exit(f"FAILED: {what}\n{output}")
    print("ok:", what, flush=True)


def run(ranks, *command):
    """The exit code, the output, and the seconds from the first message to the end."""
    job = subprocess.Popen([mpirun, str(ranks), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told, output = None, ""
    for line in job.stdout:
        output += line
        if told is None and "baleen: " in line:
            told = time.monotonic()
    code = job.wait(timeout=60)
    return code, output, time.monotonic() - (told or 0)


def expect_end(what, code, pattern, ranks, *command):
    """One message, of two lines at most, that `pattern` describes in full, and this code."""
    found, output, seconds = run(ranks, *command)
    output = re.sub(r"^baleen: stopping after this step.*\n", "", output, flags=re.MULTILINE)  # as mpirun ends the others
    expect(found == code, f"{what} ends with {code}" + ("" if found == code else f", not {found}"), output)
    expect(output.count("baleen: ") == 1 and re.search(rf"^baleen: {pattern}$", output, re.MULTILINE),
           f"{what} is told once, as expected", output)
    expect("terminate" not in output and "MPI_ERR" not in output, f"{what} comes without noise", output)
    expect(seconds < 2, f"{what} ends within two seconds of the message", f"{seconds:.2f} s\n{output}")
