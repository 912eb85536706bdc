"""What every reader of a part needs: the file's keys, where mistakes go, where things stand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rnnzoo.errors import Mistakes, Span
from rnnzoo.spec import shares
from rnnzoo.spec.document import Fields, Node, Scalar, Table, describe, plain
from rnnzoo.spec.experiment import Named
from rnnzoo.spec.keys import Entry
from rnnzoo.spec.read_experiment.keys import LABEL_FIX, MAX_LABEL, is_label


@dataclass(slots=True)
class Source:
    """One experiment's file while it is read."""

    top: Entry
    mistakes: Mistakes
    file: str
    folder: Path
    places: dict[str, Span] = field(default_factory=dict)
    trials_refused: bool = False  # whether `trials:` of the search is a mistake
    space_refused: bool = False  # whether a range in `space:` of the search is one

    def check_label(self, label: str, span: Span, role: str) -> None:
        """Labels end up in names of folders and in claims."""
        if label != "?" and not is_label(label):
            self.mistakes.add(span, f"'{label[:MAX_LABEL]}' cannot be {role}", LABEL_FIX)

    def named(self, node: Node, word: str, extra: tuple[str, ...] = ()) -> Named | None:
        """Something chosen by name: `tpe`, or `{name: tpe, option: value}`."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return Named(node.value)
        if (
            isinstance(node, Table)
            and isinstance(name := node.entries.get("name"), Scalar)
            and isinstance(name.value, str)
        ):
            options = {
                key: plain(value)
                for key, value in node.entries.items()
                if key not in ("name", *extra)
            }
            return Named(name.value, options)
        fix = f"write `{word}: NAME`, or `{word}: {{name: NAME, option: value}}`"
        self.mistakes.add(
            node.span, f"a {word} is a name or a table with `name:`, not {describe(node)}", fix
        )
        return None

    def share(self, entry: Fields, key: str, usual: float, example: float = 0.0) -> float:
        """A share of a space or of trials: 1%, 0.01 or 1/100.

        Args:
            example: for messages, where `usual` is none.
        """
        node = entry.node(key)
        if node is None:
            return usual
        share = shares.number(node.value) if isinstance(node, Scalar) else None
        if share is None or not 0.0 < share < 1.0:
            entry.refused.add(key)
            problem = f"`{key}` is a share between 0 and 1, not {describe(node)}"
            self.mistakes.add(node.span, problem, f"write {key}: {shares.forms(example or usual)}")
            return usual
        return share
