"""`make class-check`: what each line says where something is missing, and when it ends in error."""

import ast
import gzip
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import class_check
from tools.class_check import FINE, MUST, TO_DO, Line

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tools" / "class_check.py"
HASHES = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("images", "labels")}
MEASURED = {"start": 10, "loop": 0.004, "fit": 0.003, "read": 0.0002, "machine": "Chip, 2 cores"}


@pytest.mark.parametrize(
    ("version", "others", "verdict", "words"),
    [
        ((3, 11, 7), [], FINE, "3.11.7"),
        ((3, 13, 0), [], FINE, "3.13.0"),
        ((3, 10, 1), [], MUST, "install 3.11"),
        ((3, 14, 0), [], MUST, "install 3.11"),
        ((3, 9, 2), ["python3.12"], TO_DO, "python3.12 is here"),
    ],
)
def test_python(version, others, verdict, words):
    line = class_check.check_python(version, others)
    assert line.verdict == verdict and words in line.words


@pytest.mark.parametrize(
    ("total", "free", "verdict", "words"),
    [
        (16.0, 9.0, FINE, "9.0 GB free"),
        (16.0, None, FINE, "16.0 GB"),
        (2.0, 1.5, MUST, "needs 3.5 GB"),
        (8.0, 0.9, TO_DO, "close other programs"),
        (None, None, TO_DO, "does not say"),
    ],
)
def test_memory(total, free, verdict, words):
    line = class_check.check_memory(total, free)
    assert line.verdict == verdict and words in line.words


@pytest.mark.parametrize(
    ("free", "installed", "verdict"),
    [(20, False, FINE), (3, False, MUST), (3, True, FINE), (0.1, True, MUST)],
)
def test_disk(free, installed, verdict):
    assert class_check.check_disk(free, installed).verdict == verdict


def test_packages():
    pins = {name: "1.0" for name in class_check.PACKAGES}
    assert class_check.check_packages(pins, pins).verdict == FINE
    without = {name: v for name, v in pins.items() if name != "tensorflow"}
    line = class_check.check_packages(without, pins)
    assert line.verdict == MUST and "missing: tensorflow." in line.words
    line = class_check.check_packages(pins | {"keras": "0.9"}, pins)
    assert line.verdict == TO_DO and "keras 0.9 (the book: 1.0)" in line.words


def plant(folder, contents):
    (folder / "mnist").mkdir(parents=True)
    for name, content in contents.items():
        (folder / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content.encode()))
    return str(folder)


def test_mnist(tmp_path):
    whole = plant(tmp_path / "whole", {name: name for name in HASHES})
    broken = plant(tmp_path / "broken", {"images": "images", "labels": "a web page"})
    half = plant(tmp_path / "half", {"images": "images"})
    for own, cache, verdict, words in [
        (whole, None, FINE, "in the folder of GAN_UTILS_DATA"),
        (None, whole, FINE, "in the cache"),
        (half, whole, FINE, "in the cache"),
        (None, None, TO_DO, "only once the packages are there"),
        (half, str(tmp_path / "none"), TO_DO, "on other digits"),
        (broken, None, MUST, "labels.gz is broken"),
        (str(tmp_path / "gone"), whole, MUST, "which is no folder"),
    ]:
        line = class_check.check_mnist(own, cache, HASHES)
        assert line.verdict == verdict and words in line.words, (own, cache)


def test_a_file_cut_short_is_broken(tmp_path):
    folder = Path(plant(tmp_path, {name: name for name in HASHES}))
    path = folder / "mnist" / "images.gz"
    path.write_bytes(path.read_bytes()[:-4])
    assert "images.gz is broken" in class_check.check_mnist(str(folder), None, HASHES).words


def test_the_tables_it_reads_are_the_books_own():
    from gan_utils import files

    assert class_check.mnist_hashes() == files.MNIST_FILES
    assert class_check.pins()["tensorflow"].count(".") == 2


def test_the_estimate():
    settings = {"epochs": 80, "first_epochs": 10, "batch": 100, "images": 55_000}
    assert class_check.settings() == settings, "the lesson's own"
    line = class_check.check_chapter(MEASURED, settings)
    # 10 s + 5,500 steps of 4 ms + 55,000 steps of 3 ms + 81,000 images of 0.2 ms
    assert line.verdict == FINE and "about 4 min" in line.words
    assert "estimate" in line.words and "Chip, 2 cores" in line.words
    slow = class_check.check_chapter(MEASURED | {"fit": 0.05}, settings)
    assert slow.verdict == TO_DO and "GAN_BOOK_PROFILE=short" in slow.words
    assert class_check.check_chapter({}, settings).verdict == TO_DO
    failed = class_check.check_chapter(None, settings, "no module")
    assert failed.verdict == MUST and "no module" in failed.words


def test_what_is_measured_is_the_lessons_own_step():
    code = "\n".join(class_check.from_scratch())
    for name in ("def make_generator", "def make_discriminator", "def train_step", "latent_dim ="):
        assert name in code


@pytest.mark.parametrize(
    ("verdicts", "code", "words"),
    [
        ([FINE, FINE], 0, "A class can be held here."),
        ([FINE, TO_DO], 0, "A class can be held here."),
        ([TO_DO, MUST, MUST], 1, "First: line 1, line 2."),
    ],
)
def test_only_what_stands_in_the_way_ends_in_an_error(verdicts, code, words, capsys):
    found = [Line(f"line {place}", verdict, "…") for place, verdict in enumerate(verdicts)]
    assert class_check.report(found) == code
    assert words in capsys.readouterr().out


def test_it_runs_where_nothing_is_installed():
    command = [sys.executable, "-S", "-m", "tools.class_check"]  # -S: no packages
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": ""})
    assert done.returncode == 1, done.stderr
    assert "missing: tensorflow, keras" in done.stdout and "not tried" in done.stdout
    assert re.search(r"First: (.*, )?packages", done.stdout)


def test_it_fetches_nothing_where_nothing_is_installed():
    command = [sys.executable, "-S", "-m", "tools.class_check", "--download"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": ""})
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.startswith("Nothing fetched")


def test_an_old_python_can_read_it():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 8))
    at_the_start = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = [getattr(n, "module", None) or n.names[0].name for n in at_the_start]
    assert {module.partition(".")[0] for module in modules} <= sys.stdlib_module_names


SERVER = """
import http.server, json, os, pathlib
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        assert "token=secret" in self.path
        self.send_response(200); self.end_headers()
        self.wfile.write(json.dumps({"kernelspecs": KERNELS}).encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Pages)
note = {"url": f"http://127.0.0.1:{server.server_port}/", "token": "secret"}
path = pathlib.Path(os.environ["JUPYTER_RUNTIME_DIR"], "jpserver-1.json")
path.write_text(json.dumps(note))
server.serve_forever()
"""


def test_a_server_that_answers():
    program = SERVER.replace("KERNELS", '{"python3": {}}')
    problem, seconds = class_check.try_server([sys.executable, "-c", program], limit=60)
    assert problem == "" and seconds < 60
    line = class_check.check_server(problem, seconds)
    assert line.verdict == FINE and "no way out" in line.words


@pytest.mark.parametrize(
    ("program", "limit", "words"),
    [
        ("raise SystemExit('No module named jupyterlab')", 60, "No module named jupyterlab"),
        (SERVER.replace("KERNELS", "{}"), 3, "did not answer"),
    ],
)
def test_a_server_that_fails(program, limit, words):
    problem, seconds = class_check.try_server([sys.executable, "-c", program], limit)
    line = class_check.check_server(problem, seconds)
    assert line.verdict == MUST and words in line.words


def test_a_measurement_that_works_fails_or_never_ends():
    def run(program, limit=60):
        return class_check.try_chapter([sys.executable, "-c", program], limit)

    assert run(f"print('said\\n' + {json.dumps(json.dumps(MEASURED))})") == (MEASURED, "")
    assert run("raise SystemExit('no TensorFlow')") == (None, "no TensorFlow")
    assert run("import time; time.sleep(60)", limit=0.5) == ({}, "")


def test_what_lasts_is_said(capsys, monkeypatch):
    now = iter(range(0, 100, 3))
    monkeypatch.setattr(class_check.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(class_check.time, "sleep", lambda seconds: None)
    answers = iter([False] * 8 + [True])
    assert class_check.wait(lambda: next(answers), "trying", limit=90)[0]
    assert capsys.readouterr().out.count("… trying") == 3  # after 5, 10 and 20 seconds


@pytest.mark.exhaustive
def test_a_real_server():
    problem, _ = class_check.try_server(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.port=0"]
        + ["--ServerApp.allow_root=True"]
    )
    assert problem == ""
