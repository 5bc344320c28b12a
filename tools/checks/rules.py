"""The rules of the house that a pattern can see."""
import re
from fnmatch import fnmatch
from typing import NamedTuple

from source_tree import HEADERS, SOURCES, Finding, folder, suffix, without_comments_and_strings


class Rule(NamedTuple):
    pattern: str          # what must not stand there
    message: str
    folders: tuple = ()   # where the rule holds; empty: everywhere
    not_in: tuple = ()    # folders, or patterns of files, where it does not
    text: bool = False    # in every text file, comments and strings included; otherwise in C++ code only


AXIS = r"(tensor|pipeline|context|data_shard|data_replicate|stages?)(_(size|degree|ranks|parallel))?(\(\))?(\.(size|degree)\(\))?"
RULES = [
    Rule(rf"\b{AXIS}\s*(>|!=|==|<=)\s*1\b|\b{AXIS}\s*(>=|<)\s*2\b",
         "an axis of size 1 is an ordinary value: no special case for it", folders=("trainer", "planner", "report", "models")),
    # The planner counts what communication costs, and what one rank alone does not pay; the report draws it, and warnings
    # tell of settings that are for more ranks.
    Rule(r"\bcommunicates\s*\(", "only the planner asks whether an axis communicates: an axis of size 1 is an ordinary value",
         folders=("trainer", "models"), not_in=("trainer/execution_plan.h", "trainer/idle_settings.cpp")),
    Rule(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b", "finish it, or write an issue", text=True),
    Rule(r"(?<![\w./$}])/(home|root|work|Users|mnt|opt|data\d*|scratch)/[\w.-]+", "a path of one machine", text=True),
    Rule(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*\b(CUDA|NCCL|CUDNN|USE_\w+|BALEEN_\w+)\b",
         "what is absent is a source of its own that CMake picks (x.cu, x_absent.cpp), not an #if"),
    Rule(r"#\s*pragma\s+omp\b|<omp\.h>", "two OpenMP runtimes clash: at::parallel_for or std::thread"),
    Rule(r"\btorch::(jit|nn)\b|\btorch::autograd\b", "LibTorch gives tensors; modules and backward are ours",
         not_in=("tests", "models/autograd_module.cpp", "models/autograd_module.h")),
    Rule(r"(?<![\w:.>])(std::)?(exit|_exit|_Exit|quick_exit|abort)\s*\(", "throw core::Error; only main and the watchdog end the process",
         not_in=("apps", "launch", "tests", "bench", "examples")),
    Rule(r"\bcatch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", "an error is swallowed"),
    Rule(r"\busing\s+namespace\s+std\b", "name what you use"),
    Rule(r"\bcudaDeviceSynchronize\s*\(", "synchronise a stream or an event", not_in=("tests", "bench")),
    Rule(r"\brecord_stream\b|\brecordStream\b", "events order streams"),
]
NO_DRAWERS = re.compile(r"(^|/)(utils?|common|misc|helpers?|shared|lib)/")
TEXT = {".h", ".cuh", ".cpp", ".cu", ".py", ".sh", ".txt", ".cmake", ".md", ".toml", ".json", ""}
RULE_SOURCES = ("tools/checks/rules.py",)


def holds_in(rule, path):
    if path in RULE_SOURCES or (rule.folders and folder(path) not in rule.folders):
        return False
    if folder(path) in rule.not_in or any(fnmatch(path, pattern) for pattern in rule.not_in):
        return False
    return suffix(path) in (TEXT if rule.text else HEADERS | SOURCES)


def check(tree):
    findings = []
    for path in tree.files:
        if NO_DRAWERS.search(path):
            findings.append(Finding(path, 1, "a file that fits no folder is a design question: no utils, common or misc"))
        if suffix(path) in HEADERS and "#pragma once" not in tree.text(path):
            findings.append(Finding(path, 1, "a header begins with #pragma once"))
        rules = [rule for rule in RULES if holds_in(rule, path)]
        if not rules:
            continue
        text = tree.text(path)
        code = without_comments_and_strings(text) if suffix(path) in HEADERS | SOURCES else ""
        for rule in rules:
            for number, line in enumerate((text if rule.text else code).splitlines(), 1):
                if re.search(rule.pattern, line):
                    findings.append(Finding(path, number, rule.message))
    return findings


SAMPLES = [
    ({"trainer/a.cpp": "if (dims.tensor > 1) f();\n"}, "an axis of size 1"),
    ({"models/a.cpp": "auto a = mesh.pipeline().size() == 1 ? b : c;\n"}, "an axis of size 1"),
    ({"trainer/a.cpp": "if (communicates(dims.tensor)) f();\n"}, "only the planner"),
    ({"planner/a.cpp": "if (communicates(dims.tensor)) f();\n"}, None),
    ({"core/a.cpp": "// TO" "DO: later\n"}, "finish it"),
    ({"docs/a.md": "see /home/someone/baleen\n"}, "a path of one machine"),
    ({"parallel/a.cpp": "#ifdef USE_NCCL\n#endif\n"}, "CMake picks"),
    ({"kernels/a.cpp": "#pragma omp parallel for\n"}, "two OpenMP runtimes"),
    ({"models/a.cpp": "struct M : torch::nn::Module {};\n"}, "LibTorch gives tensors"),
    ({"parallel/a.cpp": "if (failed) std::exit(1);\n"}, "throw core::Error"),
    ({"core/a.cpp": "try { f(); } catch (...) {}\n"}, "an error is swallowed"),
    ({"core/a.cpp": "using namespace std;\n"}, "name what you use"),
    ({"kernels/a.cu": "cudaDeviceSynchronize();\n"}, "synchronise a stream"),
    ({"parallel/a.cpp": "t.record_stream(s);\n"}, "events order streams"),
    ({"utils/a.h": "#pragma once\n"}, "design question"),
    ({"core/a.h": "int a;\n"}, "#pragma once"),
    ({"trainer/a.cpp": '// the case tensor > 1\nlog("tensor > 1");\nf(tensor);\nwork.exit();\n'}, None),
]
