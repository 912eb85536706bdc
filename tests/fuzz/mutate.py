"""Good specs -> hostile ones, each a function of its number: what the fuzzer reads.

In: the files of the zoo, of `experiments/` and `mlflow.yml`, and a number.  Out: the bytes of a
file, what kind it claims to be, and which mutations made it.  One to three mutations a file, of
bytes, characters, tokens, lines, YAML structure and equations; the same number always gives the
same file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from rnnzoo.spec.document import parse, plain, yaml_text

ROOT = Path(__file__).parents[2]
LARGEST = 300_000  # characters: a little more than a file may have
SEARCHED = 10_000  # characters in which a place for a mutation is looked for
Mutation = Callable[[Random, str], str]


@dataclass(frozen=True)
class Input:
    """One file for the fuzzer: `kind` is `cell`, `experiment` or `settings`; `made_by` says how it
    came about.
    """

    kind: str
    data: bytes
    made_by: tuple[str, ...]


@cache
def good_files() -> tuple[tuple[str, str], ...]:
    """Kind and text of every good file on disk."""
    zoo = [path for path in (ROOT / "rnnzoo" / "zoo").glob("*.yaml") if path.stem != "sources"]
    own = list((ROOT / "experiments").rglob("*.yaml"))
    texts = [path.read_text(encoding="utf-8") for path in sorted([*zoo, *own])]
    kinds = [
        "experiment" if re.search(r"^experiment:", text, re.MULTILINE) else "cell" for text in texts
    ]
    return (*zip(kinds, texts), ("settings", (ROOT / "mlflow.yml").read_text(encoding="utf-8")))


def spec(number: int) -> Input:
    """The hostile file of a number; the kinds take turns, so that experiments are not lost among
    the many cells.
    """
    random = Random(number)
    kind = random.choices(("cell", "experiment", "settings"), (10, 9, 1))[0]
    text = random.choice([text for its, text in good_files() if its == kind])
    names = random.choices(
        list(MUTATIONS), list(map(WEIGHTS.__getitem__, MUTATIONS)), k=random.choice((1, 1, 2, 3))
    )
    for name in names:
        text = MUTATIONS[name](random, text)[:LARGEST]
    data = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.1:
        names.append("bytes")
        data = damaged(random, data)
    return Input(kind, data, tuple(names))


def damaged(random: Random, data: bytes) -> bytes:
    """Bytes changed, cut out, or put in."""
    mutated = bytearray(data)
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(mutated) + 1)
        new = (b"", b"\xff", b"\xc3", b"\xed\xa0\x80", random.randbytes(2))
        mutated[place : place + random.choice((0, 0, 1, 1, 5))] = random.choice(new)
    return bytes(mutated)


# ------------------------------------------------------------------ what is put in

CHARACTERS = (
    "\0", "\a", "\x1b[31m", "\x7f", "\x9b", "\x85", "\u2028", "\u2029", "\u202e", "\u2066",
    "\u200f", "\u200d", "\ufeff", "\ufffe", "\ud800", "\r", "\t", "\xa0", "\u0441", "\uff48",
    "\u2212", "\xd7", "\u0301", "\U0001f600", "\xb5", "\xb2", "'", '"', "`", "%", "@", "&", "*",
    "!", "|", ">", "{", "}", "[", "]", ",", "#", ":", "-", "?", "=", "\\", ";", "$", "\n",
)  # fmt: skip
LONG = (41, 61, 101, 300, 2001, 20_000)
SCALARS = (
    ".inf", "-.inf", ".nan", "1e999", "-1e999", "1e301", "-1e300", "1e-999", "9" * 41, "9" * 5000,
    "0.1e1", "-0", "010", "0x1F", "1_000", "1:30", "~", "null", "true", "no", "''", '""', "[]",
    "{}", "[[]]", "{a: }", "[1, 2, 3]", "*a", "&a 1", "!!int 1",
    "!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system", "!<tag:x> 1", "=",
    "<<", "? a", "- a", "'\\x1b[31m'", '"\\e[31m"', '"\\0"', '"a\\0.yaml"', '"\\x9b"', '"\\u202e"',
    '"\\ud800"', '"\\N\\L\\P"', '"a\\nb"', '"\\t"', "../../etc/passwd", "/etc/passwd",
    "/etc/hostname.yaml", "../secret.yaml", "secret", "outside", "loop", "folder", "spec",
    "cells/outside.yaml", "cells/loop.yaml", "cells/folder.yaml", "cells/pipe.yaml", "pipe",
    "deep_0", "./spec.yaml", "a/b", "a.yaml/b.yaml", ".", "..", ".yaml", "~/.yaml", "$HOME.yaml",
    "CON", "con.yaml", "lstm.yaml", "zoo/lstm", "file:///etc/passwd", "http://localhost/x.yaml",
    "<script>alert(1)</script>", "'[bold]x[/]'", "'{{ 7 * 7 }}'", "'%s%n'", "'$(touch pwned)'",
    "2020-01-01", "12e03", "1e3", "1.", ".5", "5%", "1/0", "0/0", "x" * 300,
)  # fmt: skip
WORDS = (
    *SCALARS, "extends", "name", "equations", "first_layer", "constants", "options", "weights",
    "init", "initial", "output", "title", "source", "shape", "mask", "units", "inputs", "unit",
    "row", "col", "below", "x", "t", "h", "c", "W", "R", "b", "[t-1]", "[t-2]", "below.c", "@",
    "**", "%", "//", "==", "<=", "tanh", "floor", "where", "maximum", "learned", "orthogonal",
    "normal", "uniform", "experiment", "task", "tasks", "variants", "search", "space", "sampler",
    "grid", "tpe", "qmc", "pruner", "when", "choice", "int", "float", "log", "step", "training",
    "select", "keep", "claims", "margin", "resources", "memory", "retry", "controls", "equal",
    "same as", "worse than", "within", "importance of", "weights of", "no variant better than",
    "on adding:", "lstm", "gru", "peephole", "clockwork", "arrays", "file", "label", "cell",
    "lambda", "import", "None", "True", "class", "__class__", "and", "if", "else", "for", "in",
    "yield", "await", "...", ":=", "->", "f'{x}'", "b'x'", "1j", "0b1", "0o7", "1_0", "not", "~",
    "is",
)  # fmt: skip
EXPRESSIONS = (
    "__import__('os').system('touch pwned')", "().__class__.__bases__[0].__subclasses__()",
    "exec('x')", "open('/etc/passwd')", "[x for x in h]", "(x for x in h)", "{x: 1 for x in h}",
    "(yield)", "(lambda: h)()", "(h := 1)", "f'{open(1)}'", "'a' * 9999999", "9 ** 9 ** 9 ** 9",
    "(-1) ** 0.5", "1 / 0", "0 ** -1", "1e308 * 10", "h[t-1][t-1]", "h[t - 1.0]", "h[t-True]",
    "h[-1]", "h[:]", "h[t-1] @ h", "W @ W @ x", "W @ (R @ x)", "below.h[t-1]", "below.below.h",
    "x.T", "tanh", "tanh()", "tanh(h, h)", "tanh(a=h)", "tanh(*h)", "where(t > 1, W, R)", "t % 0",
    "floor(h)", "h, h", "h if t else h", "h or h", "not h", "-" * 50 + "h", "+" * 70 + "h", "*h",
    "h;h", "h=h", "h\\", "h'", "h\u2032", "\uff48", "\u0441[t-1]", "h \u2212 1", "h\xb2",
    "1 < t < 2", "1if t else 2", "0x1for x", "1__0", "00", "0777", "1e400", "5j", "b", "p_", "W",
    "w__1", "b_" + "x" * 38, "b_" + "x" * 39, "\n", "(\n", ")\n(", "# )", "h[t-1",
)  # fmt: skip
BOMB = "a: &a [x, x]\n" + "".join(
    f"{anchor}: &{anchor} [*{last}, *{last}]\n" for last, anchor in zip("abcdefg", "bcdefgh")
)


def long_text(random: Random) -> str:
    """Something of a length at which limits lie."""
    return random.choice(
        ("x", "9", "0.", "A_", "1e", "(", "-", "\u0441", " ", "a b ", "#", "a: ", "[")
    ) * random.choice(LONG)


def hostile_word(random: Random) -> str:
    return random.choice(WORDS) if random.random() < 0.9 else long_text(random)


def spot(random: Random, text: str, pattern: str) -> tuple[int, int]:
    """Where one of a pattern's matches begins and ends; anywhere, where it has none."""
    places = [match.span() for match in re.finditer(pattern, text[:SEARCHED], re.MULTILINE)]
    place = random.randrange(len(text) + 1)
    return random.choice(places) if places else (place, place)


# ------------------------------------------------------------------ characters, tokens, lines


def characters(random: Random, text: str) -> str:
    for _ in range(random.choice((1, 1, 1, 5))):
        place = random.randrange(len(text) + 1)
        text = text[:place] + random.choice(CHARACTERS) + text[place + random.choice((0, 0, 1)) :]
    return text


def tokens(random: Random, text: str) -> str:
    """Words and signs replaced, deleted, repeated, or exchanged for one of another file."""
    for _ in range(random.choice((1, 1, 2, 4))):
        start, end = spot(random, text, r"\w+(\[t-1\])?|[^\w\s]")
        other = random.choice(good_files())[1]
        begin, stop = spot(random, other, r"[\w.]+|[^\w\s]")
        new = random.choice((hostile_word(random), other[begin:stop], text[start:end] * 2, ""))
        text = text[:start] + new + text[end:]
    return text


def lines(random: Random, text: str) -> str:
    """Lines deleted, repeated, moved, indented, or taken from another file."""
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 3))):
        number = random.randrange(len(lines) or 1)
        line = lines[number] if lines else ""
        lines[number : number + 1] = random.choice((
            [], [line, line], [line] * random.choice((60, 300)), [" " + line], [line[1:]],
            ["\t" + line], ["---", line],
            [line, random.choice(random.choice(good_files())[1].split("\n"))], ["...", line],
            ["%YAML 9.9", "---", line], [line[: random.randrange(len(line) + 1)]],
        ))  # fmt: skip
        random.shuffle(lines) if random.random() < 0.03 else None
    return "\n".join(lines)


def endings(random: Random, text: str) -> str:
    """Another way to end lines, to indent, to begin or to end the file."""
    return random.choice((
        text.replace("\n", "\r\n"), text.replace("\n", "\r"), text.replace("\n", "\x85"),
        text.replace("\n", "\u2028"), text.replace("  ", "\t"), "\ufeff" + text,
        "\ufeff\ufeff" + text, text + "\ufeff", text.rstrip("\n"), text + "\0",
        text[: random.randrange(len(text) + 1)], text * 2, "\n" * 300 + text, "", "#",
        "---\n" + text + "\n---\n", text + "\n...",
    ))  # fmt: skip


def long_words(random: Random, text: str) -> str:
    """A word, a number or a value that goes on and on."""
    start, end = spot(
        random, text, random.choice((r"[A-Za-z_]\w*", r"[0-9]+", r"(?<=: ).+$", r"^ *[a-z_]+(?=:)"))
    )
    return text[:start] + long_text(random) + text[end:]


# ------------------------------------------------------------------ YAML


def values(random: Random, text: str) -> str:
    """The value after a colon, or an entry of a list, becomes something else."""
    start, end = spot(
        random, text, r"(?<=: )[^|\n{\[]+$|(?<=[\[,{] )[\w.]+|(?<=\[)[\w.]+|(?<=: )[\w.]+"
    )
    return text[:start] + random.choice(SCALARS) + text[end:]


def decorated(random: Random, text: str) -> str:
    """Tags, anchors, aliases and merge keys before a value or a line; a bomb of aliases in
    front.
    """
    start, _ = spot(random, text, r"(?<=: )\S|^(?=\w)|(?<=- )\S")
    marks = (
        "&a ",
        "*a ",
        "!!str ",
        "!x ",
        "! ",
        "!!python/object:os.x ",
        "<<: *a\n",
        "<<: {name: x}\n",
        "&a",
        "? ",
        "- ",
    )
    return random.choice(
        (text[:start] + random.choice(marks) + text[start:], BOMB + text, text + BOMB)
    )


def structure(random: Random, text: str) -> str:
    """A part of the tree is replaced, deleted, renamed, moved, wrapped or multiplied; files that
    are no YAML stay.
    """
    try:
        tree = plain(parse(text, "spec.yaml"))
        for _ in range(random.choice((1, 1, 2, 3))):
            change(random, tree)
        return yaml_text(tree)
    except Exception:
        # an earlier mutation has left no tree to change; what reading it raises is found without
        # this one
        return values(random, text)


def change(random: Random, tree: Any) -> None:
    """One change, somewhere in the tree."""
    holders: list[Any] = []
    collect(tree, holders)
    holder = random.choice(holders)
    if not holder:
        return
    key = random.choice(list(holder)) if isinstance(holder, dict) else random.randrange(len(holder))
    old = holder[key]
    deep: Any = old
    for _ in range(random.choice((1, 2, 14, 17, 40))):
        deep = random.choice(([deep], {"a": deep}))
    new = random.choice((
        None, True, -1, 0, 1, 2, 3, 0.5, 1e300, 1e-300, 10**39, "", "x", [], {}, [old], {"a": old},
        [old, old], {str(key): old}, deep, hostile_word(random),
        random.choice(random.choice(holders) or [0])
        if isinstance(random.choice(holders), list) else old,
        random.choice(holders), [f"{old}" for _ in range(random.choice((2, 70, 300)))],
        {f"k{n}": old for n in range(random.choice((2, 70, 300)))},
    ))  # fmt: skip
    how = random.random()
    if how < 0.15:
        del holder[key]
    elif how < 0.3 and isinstance(holder, dict):
        holder[hostile_word(random)] = holder.pop(key)
    elif how < 0.4 and isinstance(holder, list):
        holder *= random.choice((2, 30, 300))
    elif not reaches(new, holder):
        holder[key] = new


def collect(tree: Any, holders: list[Any]) -> None:
    """All lists and tables of a tree."""
    if isinstance(tree, dict | list):
        holders.append(tree)
        for inner in tree.values() if isinstance(tree, dict) else tree:
            collect(inner, holders)


def reaches(tree: Any, holder: Any) -> bool:
    """Whether a tree would hold itself, were it put into the holder; such a tree has no text."""
    holders: list[Any] = []
    collect(tree, holders)
    return any(inner is holder for inner in holders)


# ------------------------------------------------------------------ equations


def expressions(random: Random, text: str) -> str:
    """A part of an equation becomes what the language does not have, or has not that often."""
    start, end = spot(random, text, r"(?<== ).+$|[A-Za-z_]\w*\[t-1\]|\b[A-Z]\w* @ \w+|\([^()]*\)")
    old = text[start:end] or "h"
    depth = random.choice((2, 20, 59, 61, 95, 300))
    return text[:start] + random.choice((
        random.choice(EXPRESSIONS), random.choice(EXPRESSIONS),
        f"({old}) * ({random.choice(EXPRESSIONS)})", "(" * depth + old + ")" * depth,
        "tanh(" * depth + old + ")" * depth, "-" * depth + old, " + ".join([old] * depth),
        "[" * depth, "{" * depth + old, "f(" * depth, "lambda: (" * depth, "(1 for x in " * depth,
        "**" * depth, bush(random, 7), " ** ".join(["2"] * depth), f"where({old}, {old}, {old})",
        old + "#" + old, f"{old}\n    + {old}", f"({old}\n\n + {old})",
    )) + text[end:]  # fmt: skip


def bush(random: Random, depth: int) -> str:
    """A wide expression of names and numbers that are no deeper than allowed."""
    if depth == 0:
        return random.choice(("h", "x", "c", "h[t-1]", "b", "2", "0.5", "t", "b_2", "1e9"))
    return f"({bush(random, depth - 1)}{random.choice('+-*/<%')}{bush(random, depth - 1)})"


def many(random: Random, text: str) -> str:
    """Many equations, each of which needs the one before, the one after, or itself."""
    count, step = random.choice((30, 150, 199, 201)), random.choice((-1, 1, 1, 0))
    body = random.choice((
        "tanh({0})", "{0} + {0}", "W_{1} @ {0}", "{0}[t-1]", "below.{0}", "({0} + {0}) * ({0} - 1)",
        "V @ tanh({0})", "{0}",
    ))  # fmt: skip
    block = "".join(f"  v{n} = {body.format(f'v{n + step}', n)}\n" for n in range(1, count + 1))
    start, _ = spot(random, text, r"(?<=\|\n)")
    last = "  v0 = tanh(W @ x)\n" * (step < 0) + f"  v{count + 1} = tanh(W @ x)\n" * (step > 0)
    return (
        text[:start]
        + block
        + last
        + text[start:].replace("h[t-1]", f"v{count}[t-1]", random.choice((0, 1)))
    )


MUTATIONS: dict[str, Mutation] = {
    "characters": characters, "tokens": tokens, "lines": lines, "endings": endings,
    "long words": long_words, "values": values, "decorated": decorated, "structure": structure,
    "expressions": expressions, "many": many,
}  # fmt: skip
WEIGHTS = {
    **dict.fromkeys(MUTATIONS, 2),
    "structure": 5,
    "tokens": 4,
    "values": 4,
    "expressions": 4,
    "endings": 1,
    "many": 1,
}
