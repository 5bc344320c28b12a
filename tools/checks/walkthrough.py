"""The snippets of docs/walkthrough.md are those of the sources.

A source marks one with `// [walkthrough: NAME]` ... `// [end]`; the document asks for it with a line
`<!-- snippet: NAME -->` before a fenced block, which `tools/walkthrough` fills.
"""
import re
import textwrap

from source_tree import Finding

DOCUMENT = "docs/walkthrough.md"
MARKED = re.compile(r"^[ \t]*// \[walkthrough: ([\w-]+)\]\n(.*?)^[ \t]*// \[end\]$", re.MULTILINE | re.DOTALL)
ASKED = re.compile(r"^<!-- snippet: ([\w-]+) -->\n```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(tree):
    """Name -> (file, text)."""
    return {match[1]: (path, textwrap.dedent(match[2])) for path in tree.cpp() for match in MARKED.finditer(tree.text(path))}


def rendered(tree):
    """The document as it should be, and the names that it asks for in vain."""
    marked, unknown = snippets(tree), []

    def fill(match):
        if match[1] not in marked:
            unknown.append(match[1])
            return match[0]
        path, text = marked[match[1]]
        return f"<!-- snippet: {match[1]} -->\n```cpp\n// {path}\n{text.rstrip()}\n```"

    return ASKED.sub(fill, tree.text(DOCUMENT)), unknown


def check(tree):
    if DOCUMENT not in tree.files:
        return [Finding(DOCUMENT, 1, "is not there")]
    text, unknown = rendered(tree)
    findings = [Finding(DOCUMENT, 1, f"asks for the snippet '{name}', which no source marks") for name in unknown]
    for number, (old, new) in enumerate(zip(tree.text(DOCUMENT).splitlines(), text.splitlines()), 1):
        if old != new:
            findings.append(Finding(DOCUMENT, number, "is older than the sources: run tools/walkthrough"))
            break
    return findings


SOURCE = "int a;\n// [walkthrough: loop]\nint b;\n// [end]\n"
SAMPLES = [
    ({"core/a.cpp": SOURCE, DOCUMENT: "<!-- snippet: loop -->\n```cpp\n// core/a.cpp\nint c;\n```\n"}, "run tools/walkthrough"),
    ({"core/a.cpp": SOURCE, DOCUMENT: "<!-- snippet: other -->\n```cpp\n```\n"}, "no source marks"),
    ({"core/a.cpp": SOURCE, DOCUMENT: "<!-- snippet: loop -->\n```cpp\n// core/a.cpp\nint b;\n```\n"}, None),
]
