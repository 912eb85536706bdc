"""Blocks that are repeated, `repeat k to depth:`, as one equation for each round.

All that comes later sees these equations alone: of `n = tanh(R[k] @ s[k-1])` the second is
`n2 = tanh(R2 @ s1)`.  What only the number of the round decides is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rnnzoo.errors import Mistakes, nearest
from rnnzoo.lang import ir
from rnnzoo.lang.check.trees import RESERVED, walk
from rnnzoo.lang.parse import expression
from rnnzoo.lang.primitives import CALLS, Elementwise, Primitive, add, mul, sub, transposed
from rnnzoo.lang.tree import Below, Call, Joined, Lag, Literal, Name, Primed, Round, Tree, reported
from rnnzoo.spec.cell import (
    BEFORE_FIRST,
    MAX_EQUATIONS,
    CellSpec,
    Declared,
    Reading,
    Repeat,
    Statement,
    repeated_likewise,
)

MAX_ROUNDS = 50  # each is a layer of its own, and takes as long
_WHERE = CALLS["where"]
_NEUTRAL: Mapping[Primitive, float] = {mul: 1.0, add: 0.0, sub: 0.0}  # as a right operand


def tree_of(statement: Statement, mistakes: Mistakes) -> Tree | None:
    """The expression of an equation, with equations and weights of rounds by their names."""
    reading = statement.reading
    if reading is None:
        return expression(statement.code, mistakes)
    tree = expression(statement.code, mistakes, reading.numbers)
    return None if tree is None else _Resolver(reading, mistakes).resolved(tree)


@dataclass(slots=True)
class Trees:
    """The expressions of a cell's equations, each read once however often it is asked for."""

    # by identity of the statement, which is kept so that no other takes its place
    known: dict[int, tuple[Statement, Tree | None, Mistakes]] = field(default_factory=dict)

    def of(self, statement: Statement, mistakes: Mistakes) -> Tree | None:
        """As `tree_of`."""
        if id(statement) not in self.known:
            own = Mistakes()
            self.known[id(statement)] = statement, tree_of(statement, own), own
        _, tree, own = self.known[id(statement)]
        mistakes.extend(own.collected)
        return tree


def with_rounds(spec: CellSpec, mistakes: Mistakes) -> tuple[CellSpec, frozenset[str]]:
    """The same cell with an equation for each round of its blocks, and the options that say how
    many rounds there are.
    """
    first_layer = repeated_likewise(spec.first_layer, spec.equations, mistakes)
    spec = replace(spec, first_layer=first_layer)
    statements = (*spec.equations.values(), *spec.first_layer.values())
    blocks = dict.fromkeys(
        statement.repeat for statement in statements if statement.repeat is not None
    )
    if not blocks:
        for statement in statements:
            if _is_start(statement):
                problem = f"'{statement.name}' is of no `repeat` block"
                mistakes.add(statement.span, problem, "write a name, such as s, without [0]")
        named = {
            name: equation for name, equation in spec.equations.items() if not _is_start(equation)
        }
        return replace(spec, equations=named), frozenset()
    counts = {block: _count(block, spec, mistakes) for block in blocks}
    expansion = _Expansion(spec, counts, mistakes)
    options = frozenset(block.count for block in blocks if block.count in spec.options)
    return expansion.spec_of_rounds(), options


def _is_start(statement: Statement) -> bool:
    return statement.name.endswith(BEFORE_FIRST)


def _count(block: Repeat, spec: CellSpec, mistakes: Mistakes) -> int:
    """How many rounds a block has; 1 where that is wrong."""
    taken = (RESERVED, CALLS, spec.options, spec.equations, spec.constants, spec.inputs)
    if any(block.index in names for names in taken):
        problem = f"'{block.index}' cannot number rounds: it means something already"
        mistakes.add(block.span, problem, "choose another letter")
    value = float(block.count) if block.count.isdecimal() else spec.options.get(block.count)
    if value is None:
        problem = f"'{block.count}' is no option"
        fix = nearest(block.count, spec.options) if spec.options else ""
        if block.count in RESERVED:
            fix = "name an option, or write a whole number"
        mistakes.add(block.span, problem, fix or f"write `options: {{{block.count}: 3}}`")
        return 1
    if not (float(value).is_integer() and 1 <= value <= MAX_ROUNDS):
        problem = f"{value:g} is no number of rounds"
        mistakes.add(block.span, problem, f"rounds are a whole number from 1 to {MAX_ROUNDS}")
        return 1
    return int(value)


def _weight(name: str, number: int) -> str:
    """What the weight of a round is called; `b[2]` is `b_2`, as `b2` would be no weight."""
    is_bare = ir.names_vector(name) and not ir.names_vector(f"{name}{number}")
    return f"{name}_{number}" if is_bare else f"{name}{number}"


def _of_round(name: str, number: int, last: Mapping[str, tuple[int, str]]) -> str:
    """What an equation of a round is called."""
    count, final = last[name]
    return final if number == count else f"{name}{number}"


@dataclass(slots=True)
class _Expansion:
    """The equations of all rounds, while they are made."""

    spec: CellSpec
    counts: Mapping[Repeat, int]
    mistakes: Mistakes
    blocks: dict[str, Repeat] = field(default_factory=dict)  # of each repeated equation
    last: dict[str, tuple[int, str]] = field(default_factory=dict)
    starts: dict[str, Statement | None] = field(default_factory=dict)
    renamed: set[str] = field(default_factory=set)  # equations that only rename a last round

    def spec_of_rounds(self) -> CellSpec:
        spec = self.spec
        both = (*spec.equations.values(), *spec.first_layer.values())
        self.blocks = {
            statement.name: statement.repeat for statement in both if statement.repeat is not None
        }
        self.find_names()
        self.find_starts()
        equations = self.expanded(spec.equations)
        first_layer = self.expanded(spec.first_layer)
        self.check_names()
        self.check_used()
        if len(equations) > MAX_EQUATIONS:
            problem = f"these rounds make {len(equations)} equations"
            span = next(iter(self.counts)).span
            self.mistakes.add(span, problem, f"use fewer: they are at most {MAX_EQUATIONS}")
            self.mistakes.raise_if_any()
        initial = {self.last.get(name, (0, name))[1]: value for name, value in spec.initial.items()}
        return replace(
            spec,
            equations=equations,
            first_layer=first_layer,
            initial=initial,
            shapes=self.of_each_round(spec.shapes),
            masks=self.of_each_round(spec.masks),
            trainable=self.of_each_round(spec.trainable),
            init=self.of_each_round(spec.init),
        )

    def find_names(self) -> None:
        """What the last round of each equation is called: as the equation that only gives it
        another name, such as `h = s`; as it is, if it is the output; else with its number.
        """
        for name, block in self.blocks.items():
            count = self.counts[block]
            final = name if name == self.spec.output else f"{name}{count}"
            for other in self.spec.equations:
                if self.only_renames(other, name):
                    final = other
                    self.renamed.add(other)
                    break
            self.last[name] = count, final

    def only_renames(self, other: str, name: str) -> bool:
        """Whether an equation gives a last round another name, and does nothing else in any
        layer.
        """
        for statements in (self.spec.equations, self.spec.first_layer):
            statement = statements.get(other)
            if statement is None:
                continue
            tree = expression(statement.code, Mistakes())
            is_name = isinstance(tree, Name) and tree.name == name
            if not is_name or statement.repeat is not None or _is_start(statement):
                return False
        return True

    def find_starts(self) -> None:
        first_layer = self.spec.first_layer
        for key, statement in {**first_layer, **self.spec.equations}.items():
            name = key.removesuffix(BEFORE_FIRST)
            if not _is_start(statement):
                continue
            if name not in self.blocks:
                problem = f"'{name}' is repeated in no block, and has no round 0"
                self.mistakes.add(statement.span, problem, nearest(name, self.blocks))
            differs = key in self.spec.equations and key in first_layer
            is_other_name = not differs and _is_other_name(statement)
            self.starts[name] = (
                replace(statement, reading=self.reading()) if is_other_name else None
            )

    def reading(self, block: Repeat | None = None, number: int = 0) -> Reading:
        """What names mean in a round, or outside of all."""
        counts = {repeat.count: count for repeat, count in self.counts.items()}
        reading = Reading(counts, self.last, self.starts)
        if block is None:
            return reading
        here = frozenset(name for name, repeat in self.blocks.items() if repeat == block)
        return replace(reading, index=block.index, number=number, here=here)

    def expanded(self, statements: Mapping[str, Statement]) -> dict[str, Statement]:
        equations: dict[str, Statement] = {}
        for key, statement in statements.items():
            if statement.repeat is not None:
                if self.round_name(key, 1) not in equations:
                    equations |= self.rounds(statement.repeat, statements.values())
            elif _is_start(statement):
                name = key.removesuffix(BEFORE_FIRST)
                if name in self.starts and self.starts[name] is None:
                    named = replace(statement, name=f"{name}0", reading=self.reading(), own=False)
                    equations[named.name] = named
            elif key not in self.renamed:
                equations[key] = replace(statement, reading=self.reading())
        return equations

    def round_name(self, name: str, number: int) -> str:
        return _of_round(name, number, self.last)

    def rounds(self, block: Repeat, statements: Iterable[Statement]) -> dict[str, Statement]:
        """The equations of all rounds of a block, round by round."""
        members = [statement for statement in statements if statement.repeat == block]
        equations = {}
        for number in range(1, self.counts[block] + 1):
            reading = self.reading(block, number)
            for statement in members:
                name = self.round_name(statement.name, number)
                # not every round needs each one: `check_used` looks at all of them together
                equations[name] = replace(statement, name=name, own=False, reading=reading)
        return equations

    def check_names(self) -> None:
        """What rounds are called has no other meaning."""
        spec = self.spec
        taken = (spec.equations, spec.first_layer, spec.options, spec.constants, spec.shapes)
        for name, block in self.blocks.items():
            for number in range(1, self.counts[block] + 1):
                if self.replaces_one(name, number):
                    continue
                called = self.round_name(name, number)
                if called in (name, *self.renamed) or not any(called in names for names in taken):
                    continue
                problem = f"round {number} of '{name}' is called '{called}', which is there already"
                self.mistakes.add(self.statement(name).span, problem, "choose another letter")

    def replaces_one(self, name: str, number: int) -> bool:
        """Report an heir's equation for one round of an inherited block."""
        called = f"{name}{number}"
        patch = {**self.spec.first_layer, **self.spec.equations}.get(called)
        if patch is None or not patch.own or self.statement(name).own:
            return False
        problem = f"'{called}' is round {number} of '{name}', and rounds are replaced all at once"
        block = self.blocks[name]
        fix = f"write `{name} = where({block.index} == {number}, a, b)`: a here, b in other rounds"
        self.mistakes.add(patch.span, problem, fix)
        return True

    def check_used(self) -> None:
        """Something reads each equation that is repeated."""
        read: set[str] = {self.spec.output}
        for statement, tree in self.trees():
            read |= {
                node.name
                for node in walk(tree)
                if isinstance(node, Name | Primed | Round | Lag | Below)
                and node.name != statement.name
            }
        for name, block in self.blocks.items():
            rounds = {self.round_name(name, index + 1) for index in range(self.counts[block])}
            if read.isdisjoint({name, *rounds}) and self.statement(name).own:
                fix = "delete it, or use it in what leads to the output"
                span = self.statement(name).span
                self.mistakes.add(span, f"'{name}' is needed by nothing", fix)

    def statement(self, name: str) -> Statement:
        return {**self.spec.first_layer, **self.spec.equations}[name]

    def trees(self) -> Iterator[tuple[Statement, Tree]]:
        """All equations as they are written."""
        indices = {block.index for block in self.counts} | {block.count for block in self.counts}
        for statement in (*self.spec.equations.values(), *self.spec.first_layer.values()):
            tree = expression(statement.code, Mistakes(), indices)
            if tree is not None:
                yield statement, tree

    def of_each_round(self, entries: Mapping[str, Declared]) -> dict[str, Declared]:
        """What is declared of `R[k]`, as `R`, for `R1`, `R2` and so on."""
        shared: set[str] = set()
        numbers: dict[str, set[int]] = {}
        for statement, tree in self.trees():
            count = self.counts[statement.repeat] if statement.repeat is not None else 0
            for node in walk(tree):
                if isinstance(node, Name | Primed):
                    shared.add(node.name)
                elif isinstance(node, Round) and node.name not in self.blocks:
                    own = range(1, count + 1) if node.index else [node.offset]
                    numbers.setdefault(node.name, set()).update(own)
        declared: dict[str, Declared] = {}
        for name, entry in entries.items():
            for number in sorted(numbers.get(name, ())):
                called = _weight(name, number)
                if called not in entries:
                    declared[called] = replace(entry, own=False)
            if name in shared or name not in numbers:
                declared[name] = entry
        return declared


def _is_other_name(start: Statement) -> bool:
    """Whether this only gives a value another name, as `s[0] = h[t-1]` does."""
    return isinstance(expression(start.code, Mistakes()), Name | Lag | Below)


@dataclass(frozen=True, slots=True)
class _Decided(Literal):
    """A number that the round decides."""


@dataclass(frozen=True, slots=True)
class _Resolver:
    """An equation of one round, with the names that its indices stand for."""

    reading: Reading
    mistakes: Mistakes

    def resolved(self, tree: Tree) -> Tree:
        last = self.reading.last
        match tree:
            case Name(name=name) | Primed(name=name) if name in last:
                is_here = name in self.reading.here
                number = self.reading.number if is_here else last[name][0]
                return replace(tree, name=_of_round(name, number, last))
            case Name(name=name, span=span) if name == self.reading.index:
                return _Decided(float(self.reading.number), span)
            case Lag(name=name, steps=steps):
                called = last[name][1] if name in last else name
                is_index = steps == self.reading.index != ""
                return replace(tree, name=called, steps=self.reading.number if is_index else steps)
            case Below(name=name) if name in last:
                return replace(tree, name=last[name][1])
            case Round():
                return self.round(tree)
            case Call(args=args):
                return _decided(replace(tree, args=tuple(map(self.resolved, args))))
            case Joined(parts=parts):
                return replace(tree, parts=tuple(map(self.resolved, parts)))
        return tree

    def round(self, node: Round) -> Tree:
        number = node.offset + (self.reading.numbers[node.index] if node.index else 0)
        if node.name not in self.reading.last:
            if number < 1:
                problem = f"'{node.name}' of round {number}: rounds count from 1"
                self.mistakes.add(node.span, problem, f"write {node.name}[1] for the first")
            return _named(node, _weight(node.name, max(number, 1)))
        count = self.reading.last[node.name][0]
        if number == 0:
            return self.start(node)
        if not 1 <= number <= count:
            problem = f"'{node.name}' of round {number}: there are {count}"
            self.mistakes.add(node.span, problem, f"write {node.name} for the last round's")
            return reported(node.span)
        return _named(node, _of_round(node.name, number, self.reading.last))

    def start(self, node: Round) -> Tree:
        """What an equation is before the first round."""
        if node.name not in self.reading.starts:
            problem = f"before the first round there is no '{node.name}'"
            fix = f"write `{node.name}[0] = ...` before the block"
            self.mistakes.add(node.span, problem, fix)
            return reported(node.span)
        statement = self.reading.starts[node.name]
        if statement is None:
            return _named(node, f"{node.name}0")
        tree = tree_of(statement, Mistakes())
        assert tree is not None
        if not node.is_transposed:
            return tree
        return _named(node, tree.name) if isinstance(tree, Name) else (
            Call(transposed, (tree,), node.span)
        )  # fmt: skip


def _named(node: Round, name: str) -> Name | Primed:
    """What a name with the index of a round stands for, with its prime."""
    return Primed(name, node.span) if node.is_transposed else Name(name, node.span)


def _decided(call: Call) -> Tree:
    """The same without what the round decides: `(k == 1) * a` is a, or 0."""
    op, args, span = call.op, call.args, call.span
    if not any(isinstance(arg, _Decided) for arg in args):
        return call
    values = [arg.value for arg in args if isinstance(arg, Literal)]
    if isinstance(op, Elementwise) and len(values) == len(args):
        return _Decided(float(op.numpy(*map(np.asarray, values))), span)
    if op is _WHERE and isinstance(args[0], _Decided):
        chosen = args[1] if args[0].value else args[2]
        return _Decided(chosen.value, chosen.span) if isinstance(chosen, Literal) else chosen
    if op is mul and any(isinstance(arg, _Decided) and arg.value == 0 for arg in args):
        return _Decided(0.0, span)
    neutral = _NEUTRAL.get(op)
    left, right = (*args, *args)[:2]
    if neutral is not None and isinstance(right, _Decided) and right.value == neutral:
        return left
    if op in (mul, add) and isinstance(left, _Decided) and left.value == neutral:
        return right
    return call
