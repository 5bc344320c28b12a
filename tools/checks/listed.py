"""Every source is named by the CMakeLists.txt of its folder: nothing lies in the tree that no build compiles."""
import re
from pathlib import PurePosixPath

from source_tree import SOURCES, Finding, suffix


def words(text):
    """Every word of a CMake file as a pattern; what a variable stands for may be anything."""
    plain = re.sub(r"#[^\n]*", "", text)
    return [re.compile(re.sub(r"\\\$\\\{\w+\\\}", r"\\w+", re.escape(word))) for word in re.split(r"[\s()]+", plain) if "." in word]


def check(tree):
    findings = []
    for path in tree.files:
        if suffix(path) not in SOURCES:
            continue
        for parent in PurePosixPath(path).parents:
            listing = f"{parent}/CMakeLists.txt".removeprefix("./")
            if listing in tree.files:
                name = str(PurePosixPath(path).relative_to(parent))
                if not any(word.fullmatch(name) for word in words(tree.text(listing))):
                    findings.append(Finding(path, 1, f"{listing} does not name it, so no build compiles it"))
                break
    return findings


SAMPLES = [
    ({"core/CMakeLists.txt": "baleen_library(core SOURCES a.cpp)", "core/a.cpp": "", "core/b.cpp": ""}, "does not name it"),
    ({"core/CMakeLists.txt": "# b.cpp\nbaleen_library(core SOURCES a.cpp)", "core/b.cpp": ""}, "does not name it"),
    ({"core/CMakeLists.txt": "baleen_library(core SOURCES a.cpp)", "core/a.cpp": ""}, None),
    ({"core/CMakeLists.txt": "foreach(x y)\nadd_executable(${x} fuzz_${x}.cpp)", "core/fuzz_y.cpp": ""}, None),
]
