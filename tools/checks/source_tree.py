"""The files that the checks read, and the little of C++ that they need to understand."""
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

HEADERS = {".h", ".cuh"}
SOURCES = {".cpp", ".cu"}


class Finding(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


class Include(NamedTuple):
    line: int
    target: str
    quoted: bool


class Tree:
    """The files of a working copy: what git tracks, and what it would."""

    def __init__(self, root):
        self.root = Path(root)
        self._texts = {}
        git = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=self.root,
                             capture_output=True, text=True)
        if git.returncode == 0:
            names = [name for name in git.stdout.split("\0") if name and (self.root / name).is_file()]
        else:
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]
        self.files = sorted(set(names))

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(errors="replace")
        return self._texts[path]

    def lines(self, path):
        return self.text(path).splitlines()

    def cpp(self):
        return [path for path in self.files if suffix(path) in HEADERS | SOURCES]

    def includes(self, path):
        found = []
        for number, line in enumerate(self.lines(path), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if match:
                found.append(Include(number, match[2], match[1] == '"'))
        return found


def suffix(path):
    return Path(path).suffix


def folder(path):
    return path.split("/")[0] if "/" in path else ""


def without_comments_and_strings(text):
    """The same text, line for line, with comments, strings and characters blanked."""
    pattern = re.compile(r'R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
                         re.DOTALL)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def cmake_calls(text, function):
    """The words of every call of a CMake function, comments removed."""
    text = re.sub(r"#[^\n]*", "", text)
    return [match[1].split() for match in re.finditer(rf"\b{function}\s*\(([^)]*)\)", text)]
