"""What the tests of whole jobs share: a scratch folder to work in, a tiny configuration, and a check that stops at once.

Started as TEST.py SOURCE_DIR BIN_DIR SCRATCH_DIR.
"""
import os
import shutil
import sys

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
