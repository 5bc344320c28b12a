"""Every source is named by the CMakeLists.txt of its folder: nothing lies in the tree that no build compiles."""
from pathlib import PurePosixPath

from source_tree import SOURCES, Finding, suffix


def check(tree):
    findings = []
    for path in tree.files:
        if suffix(path) not in SOURCES:
            continue
        for parent in PurePosixPath(path).parents:
            listing = f"{parent}/CMakeLists.txt".removeprefix("./")
            if listing in tree.files:
                name = str(PurePosixPath(path).relative_to(parent))
                if name not in tree.text(listing).replace("(", " ").replace(")", " ").split():
                    findings.append(Finding(path, 1, f"{listing} does not name it, so no build compiles it"))
                break
    return findings


SAMPLES = [
    ({"core/CMakeLists.txt": "baleen_library(core SOURCES a.cpp)", "core/a.cpp": "", "core/b.cpp": ""}, "does not name it"),
    ({"core/CMakeLists.txt": "baleen_library(core SOURCES a.cpp)", "core/a.cpp": ""}, None),
]
