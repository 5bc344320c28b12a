#!/usr/bin/env python3
"""What CMake says when a component is missing: its name, and the command that brings it."""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CMAKE = shutil.which("cmake")  # its folder may not be in the PATH of a case
SOURCE = Path(os.environ["BALEEN_SOURCE_DIR"])
FOUND = {name: f"-DBALEEN_{name}_INCLUDE={SOURCE}" for name in ("tomlplusplus", "fmt", "spdlog", "cli11", "json", "xxhash")}
FOUND["fmt_library"] = f"-DBALEEN_FMT_LIBRARY={SOURCE}"
NOTHING_INSTALLED = "-DCMAKE_IGNORE_PREFIX_PATH=/usr;/usr/local;/"


def fake_torch(folder, version):
    """As much of a LibTorch as the search looks at."""
    header = folder / "include" / "torch" / "headeronly" / "version.h"
    header.parent.mkdir(parents=True)
    parts = zip(("MAJOR", "MINOR", "PATCH"), version.split("."))
    header.write_text("".join(f"#define TORCH_VERSION_{part} {number}\n" for part, number in parts))
    (folder / "lib").mkdir()
    (folder / "lib" / "libtorch_cpu.so").touch()
    return folder


def without(*names):
    return [NOTHING_INSTALLED, *(option for name, option in FOUND.items() if name not in names)]


def cases(scratch):
    """(what is asked, what the environment says, what the answer must hold)."""
    nowhere = {"BALEEN_CACHE": str(scratch / "nowhere"), "BALEEN_TORCH_ROOT": "", "Torch_DIR": "", "PATH": path_without("nvcc", "python3")}
    old = fake_torch(scratch / "old", "2.10.0")
    yield without("tomlplusplus"), {}, ["Baleen needs tomlplusplus", "apt-get install libtomlplusplus-dev"]
    yield without("cli11"), {}, ["Baleen needs cli11", "apt-get install libcli11-dev"]
    yield without(), {}, ["Baleen needs HDF5", "apt-get install libhdf5-dev"]
    yield [], nowhere, ["Baleen needs LibTorch 2.11.0", "./bootstrap setup", "BALEEN_TORCH_ROOT=FOLDER", "nowhere"]
    yield [f"-DBALEEN_TORCH_ROOT={old}"], nowhere, ["Baleen needs LibTorch 2.11.0", "old (version 2.10.0)"]
    yield ["-DBALEEN_CUDA=ON"], {"PATH": path_without("nvcc")}, ["BALEEN_CUDA=ON", "nvcc", "preset release"]
    yield ["-DBALEEN_SANITIZE=memory"], {}, ["BALEEN_SANITIZE=memory is not known", "address, thread"]


def path_without(*programs):
    """PATH less the folders that hold one of these programs and not the compiler."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(":") if folder]
    return ":".join(str(folder) for folder in folders
                    if (folder / "c++").exists() or not any((folder / program).exists() for program in programs))


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for number, (options, environment, expected) in enumerate(cases(Path(scratch))):
            build = Path(scratch, str(number))
            answer = subprocess.run([CMAKE, "-S", str(SOURCE), "-B", str(build), "-G", "Ninja", "-DBALEEN_CUDA=OFF", *options],
                                    env={**os.environ, **environment}, capture_output=True, text=True)
            missing = [words for words in expected if words not in " ".join(answer.stderr.split())]
            if answer.returncode == 0 or missing:
                failed += 1
                print(f"{' '.join(options) or environment}: exit {answer.returncode}, lacks {missing}:\n{answer.stderr}")
    sys.exit(1 if failed else 0)


main()
