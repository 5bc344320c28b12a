"""clang-tidy 14 finds nothing in the product's sources (.clang-tidy says what it looks for).

A file that was clean is not looked at again while its text, that of our headers that it reaches, its compile command,
.clang-tidy and the tool's version stay the same; the digests of clean files lie in Baleen's cache.
"""
import hashlib
import json
import os
import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from formatting import VERSION, tool
from layers import reached
from source_tree import Finding, folder, suffix

PRODUCT = {"core", "kernels", "parallel", "data", "optim", "models", "checkpoint", "inference", "launch",
           "planner", "report", "trainer", "apps"}
BUILDS = ("release", "debug", "gpu", "gpu-compile")
# Options that say where output goes, or that only g++ knows.
DROPPED = re.compile(r"-c$|-fno-strict-overflow$|-ffile-prefix-map=.*|-fsanitize.*")


def compile_flags(tree):
    """File -> the options that a build compiles it with, paths of this working copy made relative."""
    flags = {}
    for build in reversed(BUILDS):
        database = tree.root / "build" / build / "compile_commands.json"
        if not database.is_file():
            continue
        for entry in json.loads(database.read_text()):
            path = os.path.relpath(tree.root / entry["file"], tree.root)
            words = shlex.split(entry["command"].replace(f"{tree.root}", "."))
            after_compiler = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
            options = iter(words[after_compiler:])
            flags[path] = [word for word in options if not (word == "-o" and next(options)) and not DROPPED.match(word)
                           and not word.endswith(path)]
    return flags


def digest(tree, path, flags, tool_version):
    texts = {path, *(include.target for include, _ in reached(tree, path) if include.target in tree.files)}
    hashed = hashlib.sha256()
    for part in (tool_version, tree.text(".clang-tidy"), *flags, *(text for name in sorted(texts) for text in (name, tree.text(name)))):
        hashed.update(part.encode() + b"\0")
    return hashed.hexdigest()


def findings_of(tree, command, path, flags):
    said = subprocess.run([command, "--quiet", path, "--", *flags, "-Wno-unknown-warning-option"], cwd=tree.root,
                          capture_output=True, text=True)
    places = re.findall(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*)$", said.stdout, re.MULTILINE)
    findings = [Finding(os.path.relpath(tree.root / where, tree.root), int(line),
                        message.replace(",-warnings-as-errors", "")) for where, line, message in places]
    if said.returncode != 0 and not findings:
        findings = [Finding(path, 1, f"clang-tidy failed: {(said.stdout + said.stderr).strip()[-300:]}")]
    return findings


def check(tree):
    command = tool("clang-tidy")
    if command is None:
        return [Finding(".clang-tidy", 1, f"clang-tidy {VERSION} is not there: apt-get install clang-tidy-{VERSION}")]
    flags = compile_flags(tree)
    if not flags:
        return [Finding("build", 1, "clang-tidy needs a configured build: ./bootstrap build release")]
    version = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
    clean = Path(os.environ.get("BALEEN_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baleen") / "tidy"
    clean.mkdir(parents=True, exist_ok=True)

    def look_at(path):
        mark = clean / digest(tree, path, flags[path], version)
        if mark.exists():
            return []
        findings = findings_of(tree, command, path, flags[path])
        if not findings:
            mark.touch()
        return findings

    sources = [path for path in tree.cpp() if suffix(path) == ".cpp" and folder(path) in PRODUCT and path in flags]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sorted(set(finding for findings in pool.map(look_at, sources) for finding in findings))


BUILD = {"build/release/compile_commands.json": json.dumps([{"directory": ".", "file": "core/a.cpp", "command": "c++ -std=c++20 -I. -c core/a.cpp"}]),
         ".clang-tidy": (Path(__file__).resolve().parents[2] / ".clang-tidy").read_text()}
SAMPLES = [
    ({**BUILD, "core/a.cpp": "int MixedCase() { return 0; }\n"}, "readability-identifier-naming"),
    ({**BUILD, "core/a.cpp": "int* f() { return 0; }\n"}, "modernize-use-nullptr"),
    ({**BUILD, "core/a.cpp": "int* f() { return nullptr; }\n"}, None),
    ({"core/a.cpp": ""}, "needs a configured build"),
]
