"""Headers up to 150 lines, sources up to 300, functions up to 60; longer with a comment `length: REASON`."""
import ast
import re

from source_tree import HEADERS, Finding, line_of, suffix, without_comments_and_strings

FILE_LIMIT = {".h": 150, ".cuh": 150, ".cpp": 300, ".cu": 300, ".py": 300, ".sh": 300, "": 300}
FUNCTION_LIMIT = 60
REASON = re.compile(r"(//|#) length: \S+")
NO_FUNCTION = re.compile(r"^\s*(namespace|class|struct|union|enum|extern|using)\b|=\s*$")


def cpp_functions(text):
    """(first line, last line) of every outermost function body with its head."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda match: re.sub(r"[^\n]", " ", match[0]), without_comments_and_strings(text),
                  flags=re.MULTILINE)
    head, depth, body_at = 0, 0, None
    for match in re.finditer(r"[{};]", code):
        if match[0] == ";":
            if body_at is None:
                head = match.end()
        elif match[0] == "{":
            before = code[head:match.start()]
            if body_at is None and ")" in before and not NO_FUNCTION.search(re.sub(r"^\s*template\s*<[^{;]*?>\s*(?=\w)", "", before.strip())):
                body_at = depth
                start = line_of(code, head + len(before) - len(before.lstrip()))
            depth += 1
            if body_at is None:
                head = match.end()
        else:
            depth -= 1
            if body_at is not None and depth == body_at:
                yield start, line_of(code, match.start())
                body_at = None
            if body_at is None:
                head = match.end()


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def shell_functions(text):
    for match in re.finditer(r"^\w+\(\) \{\n.*?^\}", text, re.MULTILINE | re.DOTALL):
        yield line_of(text, match.start()), line_of(text, match.end())


def language(tree, path):
    end = suffix(path)
    if end:
        return end
    first = tree.text(path).split("\n", 1)[0]
    if first.startswith("#!"):
        return ".py" if "python" in first else ".sh"
    return None


def check(tree):
    findings = []
    readers = {".py": python_functions, ".sh": shell_functions}
    for path in tree.files:
        kind = language(tree, path)
        if kind not in FILE_LIMIT:
            continue
        lines = tree.lines(path)
        if len(lines) > FILE_LIMIT[kind] and not any(REASON.search(line) for line in lines[:12]):
            findings.append(Finding(path, 1, f"{len(lines)} lines, where {'a header' if kind in HEADERS else 'a source'} may have "
                                    f"{FILE_LIMIT[kind]}: split it by what it is about"))
        for first, last in readers.get(kind, cpp_functions)(tree.text(path)):
            excused = any(REASON.search(line) for line in lines[max(0, first - 2):last])
            if last - first + 1 > FUNCTION_LIMIT and not excused:
                findings.append(Finding(path, first, f"a function of {last - first + 1} lines, where one may have {FUNCTION_LIMIT}: "
                                        "name its parts"))
    return findings


LONG_BODY = "  f();\n" * 60
SAMPLES = [
    ({"core/a.h": "int a;\n" * 151}, "a header may have 150"),
    ({"core/a.cpp": "int a;\n" * 301}, "a source may have 300"),
    ({"core/a.cpp": f"namespace n {{\nint f(int a) {{\n{LONG_BODY}}}\n}}\n"}, "a function of 62 lines"),
    ({"core/a.cpp": f"struct S {{\n  template <typename T>\n  S() : a_(1) {{\n{LONG_BODY}}}\n}};\n"}, "a function of 63 lines"),
    ({"tools/a": f"#!/usr/bin/env bash\nf() {{\n{LONG_BODY}}}\n"}, "a function of 62 lines"),
    ({"tools/a.py": "def f():\n" + "    g()\n" * 60}, "a function of 61 lines"),
    ({"core/a.cpp": f"// length: one table\nvoid f() {{ // length: one table\n{LONG_BODY * 6}}}\n"}, None),
    ({"core/a.cpp": f"const char* text = R\"({{\n{LONG_BODY})\";\nnamespace n {{\n{LONG_BODY}}}\n"}, None),
]
