"""The built pages, for the tests that look at them. Two test processes may ask at the same time."""

import fcntl
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sharing
import yaml

from tools import contents

ROOT = Path(__file__).parent.parent
HTML = ROOT / "_build" / "html"


def address():
    """Where the pages are published; empty while the book has no address."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    repository = (config.get("repository") or {}).get("url")
    own = config["html"].get("baseurl", "")
    return own or (sharing.pages_address(repository) if repository else "")


def page_names():
    """Every page as its path inside the built book.

    The pages are those of the contents: `_build` may still hold some that have since been renamed.
    """
    return [f"{name}.html" for name in ("index", "search", *contents.pages(ROOT))]


@cache
def build():
    """Build what changed, with warnings as errors, and return the paths of all pages.

    Once in a test run, whichever process comes first.
    """
    pytest.importorskip("jupyter_book", reason="jupyter-book is not installed")
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", "-n", "-W", "--keep-going", str(ROOT)]
    HTML.parent.mkdir(exist_ok=True)
    this_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")  # the same for all test processes
    with (HTML.parent / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not this_run or lock.read() != this_run:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
            assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            lock.truncate(0)
            lock.write(this_run)
    return [HTML / name for name in page_names()]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(handler=Quiet):
    """The address of the built book on this machine."""
    build()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(HTML))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
