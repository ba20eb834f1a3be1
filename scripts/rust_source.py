"""Rust sources without what is not shipped: comments, strings, and what is compiled for tests or fuzzing alone."""

import re
from dataclasses import dataclass
from pathlib import Path

# Comments, strings (with as many # as they have) and characters, whose quotes begin no string.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|b?r(#+)".*?"\1|b?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?\'(?:\\.[^\']*|[^\'\\])\'', re.S)
# Attributes that take a path as a string: serde's.
PATH_ATTRIBUTE = re.compile(r"\b(?:\w*with|default|remote|from|into|try_from|skip_serializing_if|getter)\s*=\s*$")
CFG = re.compile(r"#\s*(!?)\s*\[\s*cfg\s*(?=\()")
ATTRIBUTE = re.compile(r"\s*#\s*(?=\[)")
ITEM = re.compile(r"\s*(?:pub|fn|impl|struct|enum|union|trait|mod|use|const|static|type|extern|unsafe|async|macro_rules)\b")
# The feature by which tests are compiled for WASM, where `test` does not hold. Nothing that is shipped has it.
TEST_FEATURE = 'feature = "wasm-tests"'
MODULE_FILE = re.compile(r"\s*(?:pub(?:\s*\([^)]*\))?\s+)?mod\s+(\w+)\s*;")


@dataclass
class Source:
    path: Path
    module: tuple  # ("a", "b") for src/a/b.rs and src/a/b/mod.rs, () for the crate's root
    code: str


def sources(folder):
    """What a crate ships: every file below `folder` (its src), programs of src/bin, tests and test support left out."""
    found, tests = [], set()
    has_library = (folder / "lib.rs").exists()
    for path in sorted(folder.rglob("*.rs")):
        parts = path.relative_to(folder).with_suffix("").parts
        if any(part == "tests" or part.endswith("_tests") for part in parts) or parts[0] == "bin":
            continue
        if parts[-1] == "mod":
            parts = parts[:-1]
        if parts in (("lib",), ("main",)):
            if parts == ("main",) and has_library:
                continue # a crate of its own, which no module can name
            parts = ()
        code, test_modules = code_of(path.read_text())
        tests.update((*parts, name) for name in test_modules)
        found.append(Source(path, parts, code))
    return [file for file in found if not any(file.module[: len(test)] == test for test in tests)]


def code_of(text):
    """The code of `text` that is shipped, and the modules (`mod name;`) that are declared for tests alone."""

    def without(found):
        word = found.group()
        if not word.lstrip("br").startswith(('"', "#")):
            return " "
        inside = word.strip('"')
        if text.endswith(TEST_FEATURE, 0, found.end()):
            return word
        return inside if PATH_ATTRIBUTE.search(text[max(0, found.start() - 40) : found.start()]) and re.fullmatch(r"[\w:]+", inside) else '""'

    text = NO_CODE.sub(without, text)
    modules, at = [], 0
    while found := CFG.search(text, at):
        closed = end_of_brackets(text, found.end())
        if not only_for_tests(text[found.end() + 1 : closed - 1]):
            at = closed
        elif found.group(1): # #![cfg(test)]: the file, or the module around it
            return "", modules
        else:
            start = text.index("]", closed) + 1
            while attribute := ATTRIBUTE.match(text, start):
                start = end_of_brackets(text, attribute.end())
            if module := MODULE_FILE.match(text, start):
                modules.append(module.group(1))
            text, at = text[: found.start()] + text[end_of_item(text, start) :], found.start()
    return text, modules


def only_for_tests(condition):
    """Whether a cfg's condition holds for nothing that is shipped: `test`, `all(test, …)`, `any(test, fuzzing)`, the feature for WASM."""
    condition = condition.strip()
    combined = re.match(r"(any|all)\s*\(", condition)
    if not combined:
        return condition in ("test", "fuzzing", TEST_FEATURE)
    inside = condition[combined.end() : end_of_brackets(condition, combined.end() - 1) - 1]
    answers = [only_for_tests(each) for each in split(inside)]
    return all(answers) if combined.group(1) == "any" else any(answers)


def split(text):
    """`a, b(c, d)` as ["a", "b(c, d)"]."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part for part in (*parts, text[start:]) if part.strip()]


def end_of_brackets(text, at):
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return len(text)


def end_of_item(text, at):
    """Where what starts at `at` ends: behind its `;`, its closing brace or, unless it is an item, its comma."""
    ends = ";" if ITEM.match(text, at) else ";,"
    depth = 0
    for place in range(at, len(text)):
        if text[place] in "{([":
            depth += 1
        elif text[place] in "})]":
            depth -= 1
            if depth < 0: # the last field, variant or arm needs no comma
                return place
            if depth == 0 and text[place] == "}":
                return place + 1
        elif text[place] in ends and depth == 0:
            return place + 1
    return len(text)
