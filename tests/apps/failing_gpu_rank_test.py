#!/usr/bin/env python3
"""A rank that fails inside a step while the others wait for it on their GPUs, in NCCL. One message, the right exit code, and an
end within two seconds.

failing_gpu_rank_test.py SOURCE_DIR BIN_DIR SCRATCH_DIR. Skipped (77) with fewer than two GPUs.
"""
import os
import subprocess
import sys

from tiny_job import binaries, expect_end

failing_rank = os.path.join(binaries, "failing_rank")
gpus = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True).stdout.count("GPU ")
if gpus < 2:
    print(f"skipped: it needs two GPUs, and there is {gpus}" if gpus == 1 else "skipped: it needs two GPUs, and there are none")
    sys.exit(77)
ranks = 4 if gpus >= 4 else 2
for failing in ("0", str(ranks - 1), "every"):  # of "every", some wait in a sum that others do not come to
    for zero_stage in ("0", "3"):
        folder = f"failing-{failing}-zero-{zero_stage}"
        os.makedirs(folder)
        rank = r"\d" if failing == "every" else failing
        expect_end(f"rank {failing} of {ranks} failing inside a step of ZeRO-{zero_stage}", 40, f"rank {rank}: step 3: a planted fault",
                   ranks, failing_rank, folder, failing, "cuda", zero_stage)
print("all passed")
