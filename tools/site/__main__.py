"""Builds the docs site: `make docs`, or `python -m tools.site [--no-gallery] [FOLDER]`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from rnnzoo import cli
from rnnzoo.cli.parser import commands as parsers
from rnnzoo.errors import UsageError
from tools.site import commands, contents, interface, keys, links, notebooks
from tools.site.contents import DOCS, ROOT

HERE = Path(__file__).parent
OUT = ROOT / "build" / "docs"
SOURCE = "source/docs"  # what Sphinx reads, in the folder that is built
MADE = ("source", "html")  # in that folder, anew by each build
MARK = ".site"  # the file by which a build knows the folder of an earlier one
EXTRA = "source/extra"  # what it copies
IN_GALLERY = "# Gallery\n\nA page for every cell, with its picture, its equations and its weights:"
OPEN_GALLERY = "<a href='gallery/index.html'>open the gallery</a>."
NO_GALLERY = "`rnnzoo gallery` writes it to `runs/gallery`."


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=OUT, metavar="FOLDER")
    parser.add_argument("--no-gallery", action="store_true", help="without a page for every cell")
    parser.add_argument("--addresses", action="store_true", help="only ask whether they answer")
    args = parser.parse_args(words)
    try:
        clear(args.folder)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    lay_out(args.folder, gallery=not args.no_gallery)
    if args.addresses:
        return sphinx("linkcheck", args.folder)
    if status := sphinx("html", args.folder):
        return status
    site = args.folder / "html"
    for link in (broken := links.broken(site)):
        print(f"leads nowhere: {link}", file=sys.stderr)
    if not broken:
        print(f"open {site / 'index.html'}")
    return 1 if broken else 0


def clear(folder: Path) -> None:
    """Delete what an earlier build has left in a folder, and mark the folder as one of builds.

    Raises:
        UsageError: what stands there may be somebody else's.
    """
    left = [folder / made for made in MADE if (folder / made).exists()]
    if left and not (folder == OUT or (folder / MARK).exists()):
        problem = f"{left[0]} is there, and not of this command"
        raise UsageError(problem, "move it away, or name an empty folder")
    for made in left:
        shutil.rmtree(made)
    _write(folder / MARK, "`python -m tools.site` builds here, and deletes what it has built.\n")


def sphinx(builder: str, folder: Path) -> int:
    """Run one of Sphinx's builders on what was laid out; its exit code, not 0 after a warning."""
    from sphinx.cmd.build import build_main

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # docstrings are read by importing
    strict = ["--fail-on-warning", "--keep-going", "--quiet"]
    return build_main([*strict, "-b", builder, str(folder / SOURCE), str(folder / builder)])


def lay_out(folder: Path, gallery: bool) -> None:
    """Write all that Sphinx reads: the files of docs/ and the pages that are made, and beside them
    what is part of the site as it is.
    """
    source, extra = folder / SOURCE, folder / EXTRA
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("*.ipynb"))
    shutil.copytree(ROOT / "experiments", folder / "source" / "experiments")  # pages refer to them
    shutil.copy(HERE / "conf.py", source)
    _write(source / "_static" / "site.css", (HERE / "site.css").read_text())
    for name, text in _written(gallery).items():
        _write(source / f"{name}.md", text)
    for path in source.rglob("*.md"):
        text = notebooks.with_pages(path.read_text(encoding="utf-8"))
        _write(path, contents.with_titles(text, path))
    for path in DOCS.rglob("*.ipynb"):
        notebook = path.relative_to(DOCS)
        _write((source / notebook).with_suffix(".md"), notebooks.page(path))
        _write(extra / notebook, path.read_text(encoding="utf-8"))
    extra.mkdir(exist_ok=True)
    if gallery:
        cli.main(["gallery", str(extra / "gallery")])


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _written(gallery: bool) -> dict[str, str]:
    """The pages that no file of docs/ is, by name."""
    pages = {
        "reference/commands": commands.page(parsers()),
        "reference/keys": keys.page(),
        "reference/interface": interface.page(),
        "gallery": f"{IN_GALLERY} {OPEN_GALLERY if gallery else NO_GALLERY}\n",
    }
    for name, file in contents.TOP_LEVEL.items():
        pages[name] = _from_docs((ROOT / file).read_text(encoding="utf-8"))
    front = (DOCS / f"{contents.FRONT}.md").read_text(encoding="utf-8")
    pages[contents.FRONT] = f"{front}\n{contents.navigation()}"
    return pages


def _from_docs(text: str) -> str:
    """The text of a file of the project's own folder, with links that lead from docs/."""
    text = text.replace("](docs/", "](")
    for name, file in contents.TOP_LEVEL.items():
        text = text.replace(f"]({file}", f"]({name}.md")
    return text


if __name__ == "__main__":
    sys.exit(main())
