"""The repository as a whole: layout, dependencies, the published address, make, nothing foreign."""

import ast
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tokenize
import tomllib
import types
from pathlib import Path

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from packaging.version import Version

from tools import house_map, set_repository

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
URL = "https://github.com/ann-example/gans"
OTHER = "https://github.com/bob-example/gans.you_can-run"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked():
    """The files that are, or would be, committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listing.returncode:
        pytest.skip("this is not a git clone")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def lines(name):
    """The lines of a requirements file, with those of the files that it includes."""
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            yield from lines(line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            yield line


def requirements(name):
    """The pinned packages of a requirements file, name -> version, with its includes'."""
    return dict(line.split("==") for line in lines(name) if not line.startswith("-"))


def included(entry):
    """The lines that an entry of environment.yml stands for; conda hands it to pip like a line."""
    return lines(entry.removeprefix("-r ")) if entry.startswith("-r ") else [entry]


def constraints(name):
    """The pinned packages of a constraints file, name -> version."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE))


# Layout and content


def test_what_a_clean_clone_has_to_pass_can_be_run():
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_no_big_files():
    assert [path.name for path in tracked() if path.stat().st_size >= 3_000_000] == []


def test_no_paths_of_a_machine():
    pattern = re.compile(rb"/(?:home|root|Users)/[A-Za-z]")
    found = [path for path in tracked() if pattern.search(path.read_bytes())]
    assert [path.relative_to(ROOT) for path in found if path.suffix not in (".png", ".h5")] == []


def test_links_in_the_top_level_pages_lead_somewhere():
    for page in ROOT.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        assert [link for link in links if not (ROOT / link).exists()] == [], page.name


# Dependencies


def test_environment_yml_is_the_same_set():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, under_pip = environment["dependencies"]
    assert python == "python" + PROJECT["requires-python"]
    assert pip == "pip"
    conda = [line for entry in under_pip["pip"] for line in included(entry)]
    assert sorted(conda) == sorted(lines("requirements.txt"))


def test_requirements_include_what_they_should():
    assert {"-c constraints.txt", "-e ."} <= set(lines("requirements.txt"))
    book, complete = (requirements(name) for name in ("requirements-book.txt", "requirements.txt"))
    assert book.items() < complete.items()
    assert "tensorflow" not in book
    assert {"tensorflow", "nbval"} <= complete.keys()


def test_requirements_and_constraints_pin_the_same_versions():
    pins = constraints("constraints.txt")
    assert requirements("requirements.txt").items() <= pins.items(), "run make lock"


def test_package_leaves_tensorflow_out_and_asks_for_what_was_tested():
    needs = dict(line.split(">=") for line in PROJECT["dependencies"])
    extra = dict(line.split(">=") for line in PROJECT["optional-dependencies"]["tensorflow"])
    assert {"tensorflow", "keras"} <= extra.keys()
    assert needs.keys().isdisjoint(extra)
    assert (needs | extra).items() <= constraints("constraints-colab.txt").items()
    newest = requirements("requirements.txt")
    older = [name for name, low in (needs | extra).items() if Version(newest[name]) < Version(low)]
    assert older == []


def test_every_dependency_is_justified():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| ([a-z0-9-]+) \|", text, re.MULTILINE))
    assert named == requirements("requirements.txt").keys()


def test_version_is_the_same_everywhere():
    sys.path.insert(0, str(ROOT))
    import gan_utils

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == gan_utils.__version__ == citation["version"]


# The published address


@pytest.fixture
def copy(tmp_path):
    """The files that the address is written into, without an address, and a notebook."""
    names = ["_config.yml", "pyproject.toml", "CITATION.cff", "README.md"]
    for name in [
        *names,
        *(str(p.relative_to(ROOT)) for p in (*NOTEBOOKS, *ROOT.glob("book/*.md"))),
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir(exist_ok=True)
    cell = nbformat.v4.new_code_cell("pass", metadata={"tags": ["colab"]}, execution_count=1)
    code = nbformat.v4.new_code_cell("1 + 1  # é", execution_count=2)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T"), cell, code])
    nbformat.write(notebook, tmp_path / "notebooks/00_test.ipynb")
    for path, text in set_repository.changes("", tmp_path).items():
        path.write_text(text, encoding="utf-8")
    return tmp_path


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_address_is_consistent_here():
    """Also after adding a notebook or raising the version: run tools/set_repository.py."""
    for path, text in set_repository.changes(set_repository.current_url()).items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_setting_the_address_changes_every_place(copy):
    before = contents(copy)
    set_repository.main([URL + ".git/"], root=copy)
    after = contents(copy)
    for name in ("_config.yml", "pyproject.toml", "CITATION.cff", "README.md"):
        assert URL in (copy / name).read_text(encoding="utf-8"), name
    for path in copy.glob("notebooks/*.ipynb"):
        assert f"git+{URL}@v{PROJECT['version']}" in path.read_text(encoding="utf-8")
        assert f"blob/main/notebooks/{path.name}" in (copy / "README.md").read_text("utf-8")
    assert "no published address" not in "".join(map(repr, after.values()))
    config = yaml.safe_load((copy / "_config.yml").read_text(encoding="utf-8"))
    assert config["repository"] == {"url": URL, "branch": "main"}
    assert "colab_url" in config["launch_buttons"]
    project = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["urls"] == {"Repository": URL}
    assert set_repository.current_url(copy) == URL
    set_repository.main([URL], root=copy)  # twice is once
    set_repository.main([], root=copy)
    assert contents(copy) == after
    for path in set_repository.changes("", copy):  # nothing was lost on the way
        path.write_text(set_repository.changes("", copy)[path], encoding="utf-8")
    assert contents(copy) == before


def test_the_address_can_be_replaced(copy):
    set_repository.main([URL], root=copy)
    set_repository.main([OTHER], root=copy)
    everything = b"".join(contents(copy).values())
    assert b"ann-example" not in everything
    assert OTHER.encode() in everything


def test_only_the_colab_cell_of_a_notebook_changes(copy):
    path = copy / "notebooks/00_test.ipynb"
    before = nbformat.read(path, as_version=4)
    set_repository.main([URL], root=copy)
    after = nbformat.read(path, as_version=4)
    assert after.cells[1].source == set_repository.colab_cell(URL, copy)
    after.cells[1].source = before.cells[1].source
    assert after == before
    assert path.read_text(encoding="utf-8").startswith('{\n "cells"')


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ann/gans",
        "http://github.com/ann/gans",
        "https://gitlab.com/ann/gans",
        "https://github.com/ann",
        "https://github.com/ann/gans/tree/main",
        'https://github.com/ann/gans"; x',
    ],
)
def test_a_bad_address_changes_nothing(copy, url):
    before = contents(copy)
    with pytest.raises(SystemExit, match="Nothing changed: .*https://github.com/OWNER/NAME"):
        set_repository.main([url], root=copy)
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["CITATION.cff", "README.md", "notebooks/00_test.ipynb"])
def test_a_place_that_was_lost_changes_nothing(copy, name):
    path = copy / name
    text = path.read_text(encoding="utf-8").replace("set_repository", "x").replace("colab", "x")
    path.write_text(text.replace("<!-- repository -->", ""), encoding="utf-8")
    before = contents(copy)
    with pytest.raises(SystemExit, match=f"Nothing changed: {path.name}"):
        set_repository.main([URL], root=copy)
    assert contents(copy) == before


@pytest.fixture
def run_colab_cell(tmp_path, monkeypatch):
    """Run the cell with a `%pip` that does nothing, as when it fails; return what it was told."""
    monkeypatch.chdir(tmp_path)

    def run(url, *, in_colab=False, wheels=(), **modules):
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)  # None makes the import fail
        if in_colab:
            monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
        for age, name in enumerate(wheels):
            Path(name).touch()
            os.utime(name, (age, age))
        told = []
        ipython = types.SimpleNamespace(run_line_magic=lambda *words: told.append(" ".join(words)))
        code = TransformerManager().transform_cell(set_repository.colab_cell(url))
        names = {"get_ipython": lambda: ipython}
        try:
            exec(code, names)
        except ImportError as error:
            return told, str(error), names
        return told, None, names

    return run


@pytest.mark.parametrize(
    ("url", "in_colab", "words"),
    [
        ("", True, "gan_utils is missing. Upload the file gan_utils-….whl"),
        ("", False, "gan_utils is missing. In the book's folder run `make notebooks`"),
        (URL, True, "gan_utils is missing. Its installation failed"),
        (URL, False, "gan_utils is missing. In the book's folder run `make notebooks`"),
    ],
)
def test_the_colab_cell_explains_itself(run_colab_cell, url, in_colab, words):
    told, error, _ = run_colab_cell(url, in_colab=in_colab, gan_utils=None)
    assert words in error
    install = f"pip install -q --no-deps git+{URL}@v{PROJECT['version']}"
    assert told == ([install] if in_colab and url else [])


def test_the_colab_cell_installs_the_wheel_that_was_uploaded_last(run_colab_cell):
    uploaded = "gan_utils-0.2.0-py3-none-any.whl", "gan_utils-0.1.0-py3-none-any (1).whl"
    told, error, names = run_colab_cell("", in_colab=True, wheels=uploaded, gan_utils=None)
    assert told == ['pip install -q --no-deps --force-reinstall "{wheels[-1]}"']
    assert names["wheels"][-1] == uploaded[-1]
    assert "gan_utils is missing. Its installation failed" in error


@pytest.mark.parametrize("url", ["", URL])
def test_the_colab_cell_names_pooch_if_that_is_missing(run_colab_cell, url):
    module = types.ModuleType("gan_utils")
    _, error, _ = run_colab_cell(url, in_colab=True, gan_utils=module, pooch=None)
    assert error == "pooch is missing. Run `%pip install pooch`."


@pytest.mark.parametrize("url", ["", URL])
def test_the_colab_cell_does_nothing_where_the_package_is(run_colab_cell, url):
    wheels = ["gan_utils-0.1.0-py3-none-any.whl"]
    told, error, _ = run_colab_cell(url, wheels=wheels, gan_utils=types.ModuleType("gan_utils"))
    assert (told, error) == ([], None)
    assert len(set_repository.colab_cell(url).splitlines()) <= 20


# make


def fake_python(folder, name, version="3.12", venv=True):
    """A stand-in interpreter: it passes or fails the version check, and its venv module."""
    minor = int(version.split(".")[1])
    path = folder / name
    path.write_text(
        f"""#!/bin/sh
case "$*" in
  *"(3, 11)"*) exit {0 if 11 <= minor < 14 else 1} ;;
  *ensurepip*) exit {0 if venv else 1} ;;
  *"%d.%d"*) echo {version} ;;
esac
"""
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def run_setup(folder, *, python=None):
    """Run tools/setup.sh in a copy, on a machine with no commands but those in `folder`/bin."""
    (folder / "tools").mkdir(exist_ok=True)
    for name in ("tools/setup.sh", "constraints.txt", "requirements-book.txt"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("cat", "cmp", "dirname"):
        (folder / "bin" / name).symlink_to(shutil.which(name))
    environment = {"PATH": str(folder / "bin")} | ({"PYTHON": python} if python else {})
    command = ["/bin/sh", "tools/setup.sh", "book"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("interpreters", "python", "words"),
    [
        ({}, None, "none was found. To install one"),
        ({"python3": {"version": "3.10"}, "python": {"version": "3.14"}}, None, "none was found"),
        ({"python3": {"venv": False}}, None, "sudo apt install python3.12-venv"),
        ({"old": {"version": "3.10"}, "python3": {}}, "old", "PYTHON=old does not run"),
        ({"python3": {}}, "missing", "PYTHON=missing does not run"),
    ],
)
def test_make_says_which_python_to_install(tmp_path, interpreters, python, words):
    (tmp_path / "bin").mkdir()
    for name, options in interpreters.items():
        fake_python(tmp_path / "bin", name, **options)
    run = run_setup(tmp_path, python=python)
    assert run.returncode == 1
    assert words in run.stderr
    assert not (tmp_path / ".venv").exists()


def test_make_alone_lists_the_targets():
    command = ["make", "--no-print-directory"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in run.stdout.splitlines()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert listed == re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)


def test_the_workflows_call_targets_that_there_are():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    called = set()
    for path in ROOT.glob(".github/workflows/*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            commands = "\n".join(step.get("run", "") for step in job["steps"])
            called |= set(re.findall(r"^make ([a-z-]+)", commands, re.MULTILINE))
    assert {"book", "test", "test-colab"} <= called <= targets


# The map of the house


def test_arrows_go_one_way():
    """A shelf imports the core, the core no shelf, and shelves not each other; cli joins them."""
    shelf = {name: name.rpartition(".")[0] for name in house_map.modules()}
    wrong = [
        (name, other)
        for name, others in house_map.imports().items()
        for other in others
        if shelf[other] not in ("", shelf[name]) and name != "cli"
    ]
    assert wrong == []
    assert "cli" not in set().union(*house_map.imports().values())


def test_the_map_is_up_to_date():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert house_map.redraw(page) == page, "run: python -m tools.house_map"


def code_lines(path):
    """The number of lines that hold code: no blanks, no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    owners = ast.Module, ast.ClassDef, ast.FunctionDef
    bodies = [node.body[0] for node in ast.walk(ast.parse(text)) if isinstance(node, owners)]
    docs = [n for n in bodies if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    none = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    places = [(t.start[0], t.end[0]) for t in tokens if t.type not in none | {tokenize.ENDMARKER}]
    used = {line for first, last in places for line in range(first, last + 1)}
    return len(used - {line for n in docs for line in range(n.lineno, n.end_lineno + 1)})


def test_the_house_stays_small():
    """A module is read at once, the core in one sitting."""
    sizes = {name: code_lines(path) for name, path in house_map.modules().items()}
    assert {name: size for name, size in sizes.items() if size > 220} == {}
    core = [size for name, size in sizes.items() if "." not in name and name not in ("cli", "runs")]
    assert sum(core) <= 2130 and sum(sizes.values()) <= 4470
