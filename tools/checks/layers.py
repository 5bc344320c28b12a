"""Includes go along cmake/layers.txt, light libraries stay light, device code stays plain, heavy headers stay in .cpp."""
import re
from collections import deque

from source_tree import HEADERS, Finding, cmake_calls, folder, suffix

# What a light library must never reach: it would not start on a login node.
HEAVY = re.compile(r"(ATen|torch|c10|caffe2)/|(mpi|cuda|cublas|cudnn|nccl|nvToolsExt)[^/]*\.h$|cudnn_frontend")
# What nvcc cannot or should not compile.
NOT_IN_DEVICE_CODE = re.compile(r"(ATen|torch|c10|caffe2|fmt|toml\+\+|spdlog|nlohmann|CLI)/")
# Headers that cost seconds each: in a .cpp, behind a small header of ours.
ONLY_IN_CPP = re.compile(r"(toml\+\+|CLI|spdlog|fmt)/|nlohmann/json\.hpp|hdf5\.h|cudnn_frontend")
# 8 and 20 seconds a file, where ATen/core/Tensor.h and ATen/ops/NAME.h cost 2.
WHOLE_LIBTORCH = re.compile(r"ATen/(ATen|Functions)\.h|torch/(torch|all|extension)\.h|torch/nn")
USERS_OF_ALL = {"apps", "tests", "bench", "examples"}


class Layers:
    def __init__(self, tree):
        self.kind, self.uses = {}, {}
        for line in tree.lines("cmake/layers.txt"):
            if re.match(r"[a-z]", line):
                library, kind, *uses = line.split()
                self.kind[library], self.uses[library] = kind, set(uses)
        self.owner = {}
        for path in tree.files:
            if path.count("/") == 1 and path.endswith("/CMakeLists.txt"):
                for name, *words in cmake_calls(tree.text(path), "baleen_library"):
                    self.owner.update({f"{folder(path)}/{word}": name for word in words if "." in word})

    def folder_of(self, library):
        return library.removesuffix("_plan")

    def libraries_of(self, path):
        """The library that a file belongs to; a header without a source belongs to any of its folder."""
        stem = path.rsplit(".", 1)[0]
        owners = {self.owner[f"{stem}{end}"] for end in (".cpp", ".cu") if f"{stem}{end}" in self.owner}
        return owners or {library for library in self.kind if self.folder_of(library) == folder(path)}

    def is_light(self, path):
        libraries = self.libraries_of(path)
        return bool(libraries) and all(self.kind.get(library) == "light" for library in libraries)


def reached(tree, path):
    """Every include that a file reaches through our own headers: (include, the file that names it)."""
    seen, queue = {path}, deque([path])
    while queue:
        current = queue.popleft()
        for include in tree.includes(current):
            yield include, current
            if include.target in tree.files and include.target not in seen:
                seen.add(include.target)
                queue.append(include.target)


def layer_findings(tree, layers, path):
    libraries = layers.libraries_of(path)
    for include in tree.includes(path):
        if include.quoted and include.target not in tree.files:
            yield Finding(path, include.line, f'"{include.target}" is no file of the tree: includes are rooted ("core/error.h")')
        elif include.quoted and folder(path) not in USERS_OF_ALL:
            targets = layers.libraries_of(include.target)
            if not any(library in targets or targets & layers.uses.get(library, set()) for library in libraries):
                yield Finding(path, include.line, f"{'/'.join(sorted(libraries)) or folder(path)} may not use "
                              f"{'/'.join(sorted(targets)) or folder(include.target)} (cmake/layers.txt)")


def reach_findings(tree, path, pattern, message):
    for include, through in reached(tree, path):
        if pattern.match(include.target):
            where = "" if through == path else f" (through {through})"
            yield Finding(path, include.line if through == path else 1, f"{message}: {include.target}{where}")
            return


def check(tree):
    layers = Layers(tree)
    findings = []
    for path in tree.cpp():
        findings += layer_findings(tree, layers, path)
        if layers.is_light(path):
            findings += reach_findings(tree, path, HEAVY, "a light library reaches a heavy header")
        if suffix(path) in {".cu", ".cuh"}:
            findings += reach_findings(tree, path, NOT_IN_DEVICE_CODE, "device code takes pointers, sizes and a stream; it reaches")
        for include in tree.includes(path):
            if suffix(path) in HEADERS and ONLY_IN_CPP.match(include.target):
                findings.append(Finding(path, include.line, f"{include.target} belongs into a .cpp behind a header of ours"))
            if WHOLE_LIBTORCH.match(include.target) and folder(path) != "tests":
                findings.append(Finding(path, include.line, f"{include.target} costs 8 to 20 s a file: include ATen/core/Tensor.h "
                                        "and ATen/ops/NAME.h"))
    return findings


TABLE = {"cmake/layers.txt": "core light\ndata light core\nkernels heavy core\nparallel_plan light core\nparallel heavy core kernels parallel_plan\n",
         "core/error.h": "", "kernels/gemm.h": "#include <ATen/core/Tensor.h>\n"}
SAMPLES = [
    ({**TABLE, "data/a.cpp": '#include "kernels/gemm.h"\n'}, "data may not use kernels"),
    ({**TABLE, "core/a.cpp": '#include "error.h"\n'}, "includes are rooted"),
    ({**TABLE, "core/a.cpp": "#include <ATen/core/Tensor.h>\n"}, "a light library reaches a heavy header"),
    ({**TABLE, "core/a.h": "#include <hdf5.h>\n"}, "belongs into a .cpp"),
    ({**TABLE, "kernels/a.cu": '#include "kernels/gemm.h"\n'}, "device code"),
    ({**TABLE, "kernels/a.cpp": "#include <torch/torch.h>\n"}, "8 to 20 s"),
    ({**TABLE, "parallel/CMakeLists.txt": "baleen_library(parallel_plan SOURCES plan.cpp)\nbaleen_library(parallel SOURCES unit.cpp)",
      "parallel/plan.cpp": '#include "parallel/unit.h"\n', "parallel/unit.h": "", "parallel/unit.cpp": ""}, "parallel_plan may not use parallel"),
    ({**TABLE, "kernels/a.cpp": '#include "core/error.h"\n#include "kernels/gemm.h"\n'}, None),
]
