"""Tell the whole book where it is published, or (without a URL) bring every place up to date.

    python tools/set_repository.py https://github.com/OWNER/NAME

Writes the address into _config.yml, pyproject.toml, CITATION.cff, the blocks marked `repository` in
README.md and book/*.md, and the first code cell of every notebook. Either all of them change or, if
one does not look as expected, none.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
GITHUB = re.compile(r"https://github\.com/[A-Za-z0-9-]+/[A-Za-z0-9._-]+")
BLOCK = re.compile(r"(<!-- repository -->\n).*?(\n<!-- /repository -->)", re.DOTALL)
NOTE = "  # set by tools/set_repository.py"

UNSET_CELL = """\
# @title Set-up: the package gan_utils, which the chapters share
import os
import sys
from glob import glob

hint = "In the book's folder run `make notebooks`, or `pip install -e .`"
if "google.colab" in sys.modules:
    hint = "Upload the file gan_utils-….whl, which `make wheel` makes, with the folder"
    hint += " icon on the left, then run this cell again"
    wheels = sorted(glob("gan_utils-*.whl"), key=os.path.getmtime)
    if wheels:
        %pip install -q --no-deps --force-reinstall "{wheels[-1]}"
        hint = "Its installation failed: see the message above"
try:
    import pooch  # gan_utils downloads with it; Colab brings it, but does not promise it

    import gan_utils
except ImportError as error:
    hint = "Run `%pip install pooch`" if error.name == "pooch" else hint
    raise ImportError(f"{error.name} is missing. {hint}.") from error"""

SET_CELL = """\
# @title Set-up: the package gan_utils, which the chapters share
import sys

hint = "In the book's folder run `make notebooks`, or `pip install -e .`"
if "google.colab" in sys.modules:
    %pip install -q --no-deps git+{url}@v{version}
    hint = "Its installation failed: see the message above"
try:
    import pooch  # gan_utils downloads with it; Colab brings it, but does not promise it

    import gan_utils
except ImportError as error:
    hint = "Run `%pip install pooch`" if error.name == "pooch" else hint
    raise ImportError(f"{{error.name}} is missing. {{hint}}.") from error"""

UNSET_BLOCK = """\
This copy has no published address yet, so there are no Colab buttons: until
`tools/set_repository.py` is given one, you bring two files to Colab.

1. Download both at the head of a chapter's page: the notebook, and the package as one file. (In a
   clone they are in `notebooks`, and what `make wheel` builds: `dist/gan_utils-….whl`.)
2. Upload the notebook with *File → Upload notebook*.
3. Upload the one file with the folder icon on the left, then run the notebook's first cell, which
   installs it."""


def parse_url(text: str) -> str:
    """Return the address in its one form, https://github.com/OWNER/NAME.

    Raises:
        ValueError: It is not the address of a GitHub repository.
    """
    url = text.strip().rstrip("/").removesuffix(".git")
    if not GITHUB.fullmatch(url):
        raise ValueError(f"{text!r} is not of the form https://github.com/OWNER/NAME")
    return url


def current_url(root: Path = ROOT) -> str:
    """Return the address that is set, or an empty string."""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    return re.search(r'^repository: \{url: "(.*?)"', config, re.MULTILINE)[1]


def colab_cell(url: str, root: Path = ROOT) -> str:
    """Return the first code cell of every notebook."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return SET_CELL.format(url=url, version=project["version"]) if url else UNSET_CELL


def _set_lines(path: Path, lines: dict[str, str]) -> str:
    """Return the file's text with new lines in place of those that begin so and bear our note."""
    text = path.read_text(encoding="utf-8")
    for start, line in lines.items():
        pattern = re.compile(rf"^(# )?{re.escape(start)}.*{re.escape(NOTE)}$", re.MULTILINE)
        text, count = pattern.subn(line + NOTE, text)
        if count != 1:
            raise ValueError(f"{path.name} must have one line `{start} …{NOTE}`, and has {count}")
    return text


def _set_block(path: Path, url: str, notebooks: list[Path]) -> str:
    """Return a Markdown page's text with a new block between its two comments."""
    block = UNSET_BLOCK
    if url:
        colab = url.replace("https://github.com", "https://colab.research.google.com/github")
        links = [f"- [{n.stem}]({colab}/blob/main/notebooks/{n.name})" for n in notebooks]
        clone = f"```sh\ngit clone {url}.git\ncd {url.rpartition('/')[2]}\n```"
        block = "\n".join([clone, "", "Open a chapter in Colab:", "", *links])
    text, count = BLOCK.subn(lambda m: m[1] + block + m[2], path.read_text(encoding="utf-8"))
    if count != 1:
        raise ValueError(f"{path.name} must have one block of <!-- repository -->, and has {count}")
    return text


def _set_cell(path: Path, cell_text: str) -> str:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if not code or "colab" not in code[0].metadata.get("tags", []):
        raise ValueError(f"{path.name}: the first code cell must have the tag colab")
    code[0].source = cell_text
    return nbformat.writes(notebook) + "\n"


def changes(url: str, root: Path = ROOT) -> dict[Path, str]:
    """Return what every file that names the address must hold."""
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    pages = [p for p in sorted((root / "book").glob("*.md")) if BLOCK.search(p.read_text("utf-8"))]
    if url:
        config = {
            "repository:": f'repository: {{url: "{url}", branch: main}}',
            "launch_buttons:": 'launch_buttons: {colab_url: "https://colab.research.google.com"}',
        }
        project = {"Repository =": f'Repository = "{url}"'}
        citation = {"repository-code:": f'repository-code: "{url}"'}
    else:
        config = {
            "repository:": 'repository: {url: ""}',
            "launch_buttons:": "launch_buttons: {}",
        }
        project = {"Repository =": '# Repository = ""'}
        citation = {"repository-code:": '# repository-code: ""'}
    return {
        root / "_config.yml": _set_lines(root / "_config.yml", config),
        root / "pyproject.toml": _set_lines(root / "pyproject.toml", project),
        root / "CITATION.cff": _set_lines(root / "CITATION.cff", citation),
        **{page: _set_block(page, url, notebooks) for page in [root / "README.md", *pages]},
        **{path: _set_cell(path, colab_cell(url, root)) for path in notebooks},
    }


def main(arguments: list[str] | None = None, root: Path = ROOT) -> None:
    """Set the address in every place, and say where something changed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", nargs="?", help="https://github.com/OWNER/NAME")
    url = parser.parse_args(arguments).url
    try:
        found = changes(parse_url(url) if url is not None else current_url(root), root)
    except ValueError as error:
        sys.exit(f"Nothing changed: {error}")
    for path, text in found.items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"changed {path.relative_to(root)}")


if __name__ == "__main__":
    main()
