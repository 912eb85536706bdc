"""The text of a block -> statements, `name = text` each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rnnzoo.errors import Mistakes, Span
from rnnzoo.spec.cell.names import FOREIGN, SHOWN_NOW, legal_name, shown_words
from rnnzoo.spec.cell.values import BEFORE_FIRST, Repeat, Statement
from rnnzoo.spec.document import Code

# In each block, what is inherited included; also what recursion from one to the next may cost.
# The largest cell of the zoo has 20.
MAX_EQUATIONS = 200
_HEAD = re.compile(r"(\s*)([^\W\d]\w*(?:\[0\])?)\s*=(?!=)\s*")
_REPEAT = re.compile(r"\s*repeat\b(?!\s*=)")
_FOR = re.compile(r"\s*for\s+([^\W\d]\w*)\s+in\s+(?:range\s*\(\s*)?(?:\w+\s*,\s*)?(\w+)?[^=]*")
_UPDATE = re.compile(r"\s*([^\W\d]\w*)\s*([-+*/])=")
_INDEXED = re.compile(r"(\s*)([^\W\d]\w*)\s*\[\s*(\w+)\s*\]\s*=(?!=)\s*")
_OTHER_SIGN = re.compile(r"\s*([^\W\d]\w*)\s*(:=|<-|==)")
_PYTHON = {  # first words of lines from habit, and what to write
    "if": "write where(condition, a, b) for a choice", "else": "write where(condition, a, b)",
    "elif": "write where(condition, a, b)", "return": "delete it: the output is `h`, or `output:`",
    "def": "delete it: a cell is its equations", "while": "write `repeat k to 3:`",
    "import": "delete it: operations are known by their names",
}  # fmt: skip
_SEVERAL = re.compile(r"\s*\(?([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)+)\)?\s*=(?!=)")
# one word before the sign, as h~ or 2h
_NO_NAME = re.compile(r"\s*(\w*[^\s\w=]\w*|\d\w*)\s*=(?!=)")
_REPEAT_TO = re.compile(r"repeat\s+(\w+)\s+to\s+(\w+)\s*:")


def read_statements(code: Code | None, mistakes: Mistakes) -> dict[str, Statement]:
    """Split a block into `name = expression`; an expression continues on the next line while a
    bracket is open.
    """
    statements: dict[str, Statement] = {}
    for statement in _split(code, mistakes) if code else ():
        # reading goes on with what is meant
        statement = _without_time(statement, mistakes)  # noqa: PLW2901
        base = statement.name.removesuffix(BEFORE_FIRST)
        if statement.name in statements:
            before = statements[statement.name]
            problem = f"'{statement.name}' has an equation on line {before.span.line} already"
            fix = "keep one of them"
            if statement.repeat is not None and before.repeat is None:
                fix = f"write `{base}[0] = ...` above: what the first round begins with"
            mistakes.add(statement.span, problem, fix)
        elif legal_name(base, statement.span, mistakes):
            statements[statement.name] = statement
    check_count(statements, mistakes)
    return statements


def _without_time(statement: Statement, mistakes: Mistakes) -> Statement:
    """Report `hₜ = ...`, as `show` prints an equation, and read it as one of `h`."""
    name = statement.name.removesuffix(SHOWN_NOW)
    if name == statement.name or FOREIGN.search(name):
        return statement
    mistakes.add(statement.span, *shown_words(statement.name, name))
    return replace(statement, name=name)


def check_count(block: Mapping[str, Statement], mistakes: Mistakes) -> None:
    if len(block) > MAX_EQUATIONS:
        last = list(block.values())[MAX_EQUATIONS]
        mistakes.add(last.span, f"more than {MAX_EQUATIONS} equations in one block", "merge some")


def _split(code: Code, mistakes: Mistakes) -> Iterable[Statement]:
    lines = [line.partition("#")[0].rstrip() for line in code.text.split("\n")]
    for row, line in enumerate(lines):
        lines[row], more = _one_equation(line, code.span(row, 0), mistakes)
        if (head := _HEAD.match(more)) is not None:
            yield _read_as_zero(head[2], code, row)
    bare = Code(code.file, code.rows, "\n".join(lines))
    yield from _Splitter(bare, lines, mistakes).statements()


@dataclass(slots=True)
class _Splitter:
    """Lines without comments -> statements, those of a `repeat` with it.

    Attributes:
        block: the `repeat` in which the next line may stand.
        margin: by how much that is indented.
        is_empty: whether nothing stands in it yet.
        inner: the letters of blocks within it, which are refused, and their margins.
    """

    code: Code
    lines: Sequence[str]
    mistakes: Mistakes
    block: Repeat | None = None
    margin: int = 0
    is_empty: bool = False
    inner: dict[str, int] = field(default_factory=dict)

    def statements(self) -> Iterator[Statement]:
        row = 0
        while row < len(self.lines):
            if not self.lines[row].strip():
                row += 1
                continue
            until = _end(self.lines, row)
            yield from self._of_lines(row, until)
            row = until
        _check_block(self.block, self.is_empty, self.mistakes)

    def _of_lines(self, row: int, until: int) -> Iterator[Statement]:
        """What the lines from `row` to before `until` say, which are one equation or head."""
        line = self.lines[row]
        indent = len(line) - len(line.lstrip())
        self._leave(indent)
        head = _HEAD.match(line)
        if not head and (_REPEAT.match(line) or _FOR.fullmatch(line)):
            self._enter(row, indent)
            return
        self.is_empty = False
        body = "\n".join(self.lines[row:until])[head.end() :] if head else ""
        if head and body.strip():
            yield self._equation(head, row, until)
            return
        before = f"{self.block.index}-1" if self.block is not None else "t-1"
        self.mistakes.add(self._span(row, indent), *_no_equation(line, before))
        for meant in _meant(self.code, self.lines, row, until):
            yield replace(meant, repeat=self.block)

    def _leave(self, indent: int) -> None:
        """End the blocks in which a line so far to the left does not stand."""
        if self.block is not None and indent <= self.margin:
            _check_block(self.block, self.is_empty, self.mistakes)
            self.block = None
        self.inner = {letter: margin for letter, margin in self.inner.items() if margin < indent}

    def _enter(self, row: int, indent: int) -> None:
        """Begin a block; one within another is refused, and its letter read as the outer one's."""
        line, span = self.lines[row], self._span(row, indent)
        if self.block is None:
            self.block = _repeat(line, span, self.mistakes)
            self.margin, self.is_empty = indent, True
            return
        problem = "`repeat` within `repeat` is not part of the language"
        self.mistakes.add(span, problem, _fix_of_inner(self.block))
        self.inner[_repeat(line, span, Mistakes()).index] = indent

    def _equation(self, head: re.Match[str], row: int, until: int) -> Statement:
        span = self.code.span(row, head.start(2), len(head[2]))
        part = self.code.part(row, head.end(), until)
        if self.block is not None:
            part = replace(part, text=_of_outer(part.text, self.block, self.inner))
        return Statement(head[2], span, part, repeat=self.block)

    def _span(self, row: int, indent: int) -> Span:
        """Where a line is, without its indent."""
        return self.code.span(row, indent, len(self.lines[row]) - indent)


def _one_equation(line: str, span: Span, mistakes: Mistakes) -> tuple[str, str]:
    """A line up to a semicolon, which is reported, and what stands behind that."""
    first, sign, more = line.partition(";")
    opened = sum(map(first.count, "([")) - sum(map(first.count, ")]"))
    if not sign or opened:  # within brackets the parser says what it is
        return line, ""
    place = replace(span, column=span.column + len(first))
    fix = "put what follows on a line of its own" if more.strip() else "delete it"
    mistakes.add(place, "an equation ends where its line does, not at `;`", fix)
    return first.rstrip(), more


def _meant(code: Code, lines: Sequence[str], row: int, until: int) -> Iterator[Statement]:
    """The equations that a line means which is none, so that no other mistake follows from it."""
    line = lines[row]
    if (indexed := _INDEXED.match(line)) is not None:
        span = code.span(row, indexed.start(2), len(indexed[2]))
        yield Statement(indexed[2], span, code.part(row, indexed.end(), until))
    elif _SEVERAL.match(line) or _UPDATE.match(line) or _OTHER_SIGN.match(line):
        for name in re.findall(r"\w+", re.split("=|<-", line)[0]):
            yield _read_as_zero(name, code, row)


def _read_as_zero(name: str, code: Code, row: int) -> Statement:
    """An equation of a name whose mistake is reported, so that no other mistake follows from it."""
    return Statement(name, code.span(row, 0), replace(code.part(row, 0, row + 1), text="0"))


def _no_equation(line: str, before: str) -> tuple[str, str]:
    """What to say of a line that is no equation; `before` is the index of what was before it."""
    if (update := _UPDATE.match(line)) is not None:
        name, sign = update.groups()
        rest = line[update.end() :].strip()[:40]
        return (
            f"`{sign}=` is not part of the language",
            f"write {name} = {name}[{before}] {sign} {rest}",
        )
    if (indexed := _INDEXED.match(line)) is not None:
        what = "step" if before == "t-1" else "round"
        fix = f"write `{indexed[2]} = ...`: a bare name is this {what}'s"
        return f"a name before `=` has no index, and this has [{indexed[3]}]", fix
    if (other := _OTHER_SIGN.match(line)) is not None:
        return f"`{other[2]}` is not the sign of an equation", f"write `{other[1]} = ...`"
    if (empty := re.fullmatch(r"\s*(\w+)\s*=\s*", line)) is not None:
        return "this equation has no right side", f"write what it is, such as `{empty[1]} = 1`"
    first = re.findall(r"\w+", line)[:1]
    if first and first[0] in _PYTHON:
        return f"`{first[0]}` is not part of the language", _PYTHON[first[0]]
    if (several := _SEVERAL.match(line)) is not None:
        first, second = re.findall(r"\w+", several[1])[:2]
        return "an equation has one name", f"write one for each: `{first} = ...`, `{second} = ...`"
    if (no_name := _NO_NAME.match(line)) is not None:
        fix = "a name begins with a letter, and has letters, digits and `_`, such as h_new"
        return f"'{no_name[1][:40]}' is not a name", fix
    fix = "write `name = expression`; an equation goes on below only inside brackets"
    return "this is not an equation", fix


def _fix_of_inner(block: Repeat) -> str:
    return f"write the inner rounds out, below `{block.head}`"


def _of_outer(text: str, block: Repeat, inner: Iterable[str]) -> str:
    """An equation of a block within a block as one of the outer block: reading goes on."""
    for letter in inner:
        text = re.sub(rf"\b{letter}\b", block.index.ljust(len(letter)), text)
    return text


def _repeat(line: str, span: Span, mistakes: Mistakes) -> Repeat:
    """The head of a block, `repeat k to depth:`; of a `for` what is meant."""
    if (loop := _FOR.fullmatch(line)) is not None:
        meant = Repeat(loop[1], loop[2] or "1", span)
        mistakes.add(span, "`for` is not part of the language", f"write `{meant.head}`")
        return meant
    written = _REPEAT_TO.fullmatch(line.strip())
    if written is None:
        fix = "write `repeat k to depth:`, with an option `depth` or a whole number"
        mistakes.add(span, "this is no head of a block", fix)
        return Repeat("k", "1", span)
    legal_name(written[1], span, mistakes)
    return Repeat(written[1], written[2], span)


def _check_block(block: Repeat | None, is_empty: bool, mistakes: Mistakes) -> None:
    """A block has equations."""
    if block is not None and is_empty:
        fix = "indent the equations that are repeated"
        mistakes.add(block.span, "nothing is repeated here", fix)


def _end(lines: Sequence[str], row: int) -> int:
    """The row after the statement that begins at `row`."""
    depth = 0
    for last in range(row, len(lines)):
        depth += sum(map(lines[last].count, "([")) - sum(map(lines[last].count, ")]"))
        if depth <= 0:
            return last + 1
    return row + 1  # a bracket that is never closed: let the parser say so on its own line
