"""Parts of wheels from PyPI, pinned by digest, unpacked into Baleen's cache: nothing is installed as a Python package.

Everything is unpacked beside its final place and renamed, so a killed fetch leaves nothing half-done.
"""
import contextlib
import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# pip matches platform tags exactly, so all that a wheel for glibc 2.28 or older may carry are named. The wheel of one Python
# version is named so that every machine unpacks the same files: their C++ half does not depend on it.
PLATFORMS = ["manylinux1_x86_64", "manylinux2014_x86_64", *(f"manylinux_2_{minor}_x86_64" for minor in range(17, 29))]
TARGET = ["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--abi", "none",
          *(f"--platform={platform}" for platform in PLATFORMS)]


class FetchError(Exception):
    """What went wrong, and what to do next."""


def cache_folder():
    fallback = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baleen"
    return Path(os.environ.get("BALEEN_CACHE") or fallback)


def storage_trouble(error, folder):
    """What an OSError on the way into `folder` means, and what to do: only a full disk is a matter of space."""
    action = "Free some space, or name" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Name"
    return (f"cannot write to {error.filename or folder}: {error.strerror}.",
            f"{action} another folder for what is fetched: BALEEN_CACHE=FOLDER.")


@contextlib.contextmanager
def locked(name):
    """Baleen's cache, for one process at a time that fetches `name`; what a killed one left is gone."""
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_by_a_killed_fetch in cache.glob(f"{name}-partial-*"):
            shutil.rmtree(left_by_a_killed_fetch)
        yield cache


@contextlib.contextmanager
def unpacked(cache, name, requirements, keep, wheels="*.whl"):
    """A temporary folder inside the cache with what `keep` matches of the wheels that pip finds for `requirements`."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-partial-", dir=cache) as temporary:
        downloads, folder = Path(temporary, "wheels"), Path(temporary, "unpacked")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--progress-bar", "off", *TARGET, "--dest", str(downloads)]
        if subprocess.run([*command, *requirements]).returncode != 0:
            raise FetchError(f"pip could not download {name} (its message stands above).")
        for wheel in sorted(downloads.glob(wheels)):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder, [member for member in archive.namelist() if keep.match(member)])
            wheel.unlink()
        yield folder


def pinned(name):
    """pip's arguments for the wheels of tools/NAME.txt and nothing else."""
    return ["--no-deps", "--require-hashes", "-r", str(ROOT / "tools" / f"{name}.txt")]
