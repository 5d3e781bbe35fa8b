"""Run notebooks as a reader in Colab does: on Colab's versions, each alone, in the quick profile.

    python -m tools.as_colab                   # all of them
    python -m tools.as_colab 04_vanilla_gan    # this one

Makes the environment .venv-colab-VERSION for each Python of VERSIONS that is installed, or for the
one that $PYTHON names: the packages of constraints-colab.txt, a google.colab to import, no
gan_utils. A notebook gets an empty folder with the wheel in it, which its first cell installs.
Nothing of the repository is on the path. Data is what $GAN_UTILS_DATA names, else the stand-ins.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import copy

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import build_wheel

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = "3.11", "3.13"  # the book's, and Colab's
PACKAGES = "pip", "ipykernel"  # besides the book's own dependencies
OURS = re.compile(r"PYTHON|JUPYTER|IPYTHON|KERAS|MPL|XDG_|GAN_BOOK_")
LOOK = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
REPORT = """
import platform
from importlib.metadata import version
names = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy", "ipython": "IPython"}
print("Python " + platform.python_version(), *(f"{names[n]} {version(n)}" for n in names), sep=", ")
"""


def call(*command, **options) -> str:
    """Run a command and return what it says.

    Raises:
        RuntimeError: It failed.
    """
    run = subprocess.run(command, capture_output=True, text=True, **options)
    if run.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{run.stdout}{run.stderr}")
    return run.stdout.strip()


def interpreters() -> dict[str, str]:
    """Return the Pythons to test on, version -> path: $PYTHON, or those of VERSIONS found here."""
    named = os.environ.get("PYTHON")
    found = {}
    for version in [None] if named else VERSIONS:
        # A pyenv command runs only if its version is chosen.
        chosen = {"PYENV_VERSION": version} if version else {}
        try:
            words = call(named or f"python{version}", "-c", LOOK, env=os.environ | chosen)
        except (OSError, RuntimeError):
            print(f"{named or f'Python {version}'} was not found on this machine: not tested.")
            continue
        found |= [words.split(maxsplit=1)]
    return found


def pretend_colab(python: Path) -> None:
    """Have every start of an environment's Python import a google.colab, as Colab's kernels do."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(call(python, "-c", where, cwd="/"))
    (packages / "google").mkdir(exist_ok=True)
    (packages / "google" / "colab.py").touch()
    (packages / "colab.pth").write_text("import google.colab\n", encoding="utf-8")


def add_kernel(python: Path, folder: Path) -> None:
    """Write the description of a kernel ``colab``, which JUPYTER_PATH=``folder`` makes known."""
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel = {"argv": command, "display_name": "Colab", "language": "python"}
    (folder / "kernels" / "colab").mkdir(parents=True, exist_ok=True)
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(kernel))


def make_environment(version: str, interpreter: str, package: Path) -> Path:
    """Make the environment of a Python version, unless it is as it should be; return its Python.

    Raises:
        RuntimeError: Its packages cannot be installed, as when a version does not exist.
    """
    folder = ROOT / f".venv-colab-{version}"
    python, made_of = folder / "bin" / "python", folder / "made-of"
    files = [ROOT / "constraints-colab.txt", ROOT / "pyproject.toml"]
    wanted = f"{ROOT} {PACKAGES}" + "".join(path.read_text(encoding="utf-8") for path in files)
    if not made_of.exists() or made_of.read_text(encoding="utf-8") != wanted:
        print(f"Making {folder.name} (about 700 MB to download the first time)", flush=True)
        call(interpreter, "-m", "venv", "--clear", folder)
        pip = python, "-m", "pip"
        packages = [*PACKAGES, f"{package}[tensorflow]"]
        call(*pip, "install", "--quiet", "--no-compile", "-c", files[0], *packages)
        call(*pip, "uninstall", "--quiet", "--yes", "gan_utils")
        made_of.write_text(wanted, encoding="utf-8")
    pretend_colab(python)
    add_kernel(python, folder)
    return python


def run(notebook: nbformat.NotebookNode, folder: Path, environment: dict[str, str]) -> str:
    """Run a notebook in ``folder`` with the kernel ``colab``; return what failed, or ""."""
    client = NotebookClient(
        notebook,
        timeout=240,
        kernel_name="colab",
        resources={"metadata": {"path": str(folder)}},
    )
    log = folder.with_name(f"{folder.name}.log")
    try:
        with log.open("w") as messages:  # the kernel's own; a crash explains itself there
            client.execute(env=environment, stderr=messages)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return f"{error}\n{log.read_text(errors='replace')[-2000:]}"
    return ""


def environment_in(home: Path) -> dict[str, str]:
    """Return the environment of a reader whose home is ``home``: no settings of this machine's."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    return kept | {
        "HOME": str(home),
        "GAN_BOOK_PROFILE": "quick",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger of ipykernel warns at every start
    }


def run_all(python: Path, paths: list[Path], package: Path) -> int:
    """Run notebooks alone, one after the other, print a line for each; return how many failed."""
    os.environ["JUPYTER_PATH"] = str(python.parent.parent)
    cells, failed, start = 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        environment = environment_in(Path(scratch))
        versions = call(python, "-c", REPORT, env=environment, cwd=scratch)
        print(versions, flush=True)
        for path in paths:
            folder = Path(scratch) / path.stem
            folder.mkdir()
            copy(package, folder)
            begin = time.monotonic()
            notebook = nbformat.read(path, as_version=4)
            code = [cell for cell in notebook.cells if cell.cell_type == "code"]
            for cell in code:
                cell.execution_count = None
            call(python, "-m", "pip", "uninstall", "--quiet", "--yes", "gan_utils")
            problem = run(notebook, folder, environment)
            count = sum(cell.execution_count is not None for cell in code)
            words = f"FAILED in the last of them\n{problem}" if problem else ""
            seconds = time.monotonic() - begin
            line = f"{path.stem:28}{count:4} of {len(code)} cells{seconds:6.0f} s  {words}"
            print(line.rstrip(), flush=True)
            cells, failed = cells + count, failed + bool(problem)
    seconds = time.monotonic() - start
    print(f"{cells} cells of {len(paths)} notebooks, {failed} failing cells, {seconds:.0f} s\n")
    return failed


def main() -> None:
    """Run the notebooks on each Python; exit with an error if a cell fails or nothing ran."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="notebooks; all unless named")
    names = parser.parse_args().names
    paths = sorted(ROOT.glob("notebooks/*.ipynb"))
    if unknown := set(names) - {path.stem for path in paths}:
        sys.exit(f"There is no notebook {', '.join(sorted(unknown))}.")
    found = interpreters()
    if not found:
        sys.exit("Nothing was tested. PYTHON=/path/to/python names an interpreter.")
    package = build_wheel.build()
    chosen = [path for path in paths if not names or path.stem in names]
    failed = 0
    for version, interpreter in found.items():
        try:
            python = make_environment(version, interpreter, package)
        except RuntimeError as error:
            sys.exit(str(error))
        failed += run_all(python, chosen, package)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
