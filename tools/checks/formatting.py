"""clang-format 14 would change nothing. Other versions format otherwise, so they cannot judge."""
import re
import shutil
import subprocess

from source_tree import Finding

OPTIONS = ("fix",)
VERSION = "14"


def tool(name):
    """The command of this LLVM version, or None."""
    for command in (f"{name}-{VERSION}", name):
        path = shutil.which(command)
        if path and f"version {VERSION}." in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
            return path
    return None


def check(tree, fix=False):
    command = tool("clang-format")
    if command is None:
        return [Finding(".clang-format", 1, f"clang-format {VERSION} is not there: apt-get install clang-format-{VERSION}")]
    mode = ["-i"] if fix else ["--dry-run", "--ferror-limit=1"]
    said = subprocess.run([command, "--style=file", *mode, *tree.cpp()], cwd=tree.root, capture_output=True, text=True).stderr
    places = re.findall(r"^(\S+?):(\d+):\d+: (?:warning|error): code should be clang-formatted", said, re.MULTILINE)
    first = {}
    for path, line in places:
        first.setdefault(path, int(line))
    return [Finding(path, line, "not formatted: tools/check format --fix") for path, line in first.items()]


STYLE = {".clang-format": "BasedOnStyle: Google\n"}
SAMPLES = [
    ({**STYLE, "core/a.cpp": "int  a;\n"}, "not formatted"),
    ({**STYLE, "core/a.cpp": "int a;\n"}, None),
]
