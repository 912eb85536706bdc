"""Draws the pictures of docs/understanding-lstms.md from the cells themselves: `make docs-figures`.

In: the zoo.  Out: docs/figures/*.svg.  Pictures of runs are made by the commands that stand beside
them in the walk.
"""

from __future__ import annotations

from pathlib import Path

import rnnzoo

FOLDER = Path(__file__).parent.parent / "docs" / "figures"


def pictures() -> dict[str, str]:
    """SVG texts by file name."""
    lstm = rnnzoo.cell("lstm")
    drawn = {
        "rnn-chain": rnnzoo.cell("rnn").chain(),
        "lstm-chain": lstm.chain(),
        "lstm": lstm.diagram(),
    }
    for number, (_, picture) in enumerate(lstm.walk(), start=1):
        drawn[f"lstm-step{number}"] = picture
    for name in ("peephole", "coupled"):
        cell = rnnzoo.cell(name)
        drawn[name] = cell.diagram(highlight=cell.changes)
    for name in ("gru", "depth_gated", "clockwork"):
        drawn[name] = rnnzoo.cell(name).diagram()
    return drawn


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pictures().items():
        (FOLDER / f"{name}.svg").write_text(text, encoding="utf-8")
    print(f"drew {len(pictures())} pictures into {FOLDER.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()
