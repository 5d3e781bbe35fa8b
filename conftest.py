"""What every test run shares: quick profile, asserted claims, fresh processes, nbval's habits.

A chapter's cells are tests that depend on each other, so nbval gets three habits: after the first
failing cell the rest of the notebook is skipped, a kernel that dies fails its cell within seconds,
and no cell can hang for longer than its limit and half a minute.
"""

import inspect
import os
import time
from pathlib import Path
from queue import Empty

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

os.environ.setdefault("GAN_BOOK_PROFILE", "quick")
os.environ.setdefault("GAN_BOOK_CLAIMS", "assert")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if os.environ["GAN_BOOK_PROFILE"] == "quick":
    # Two processes share the cores; more threads than cores would wait for each other.
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 2) // 2)))
    # A short run spends more time in XLA's compiler than it can win by better machine code. What
    # is tested with XLA asks for it, at its first level: at level 0 convolutions take minutes.
    os.environ.setdefault("GAN_BOOK_XLA", "off")
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
ROOT = Path(__file__).parent
# The kernels import the package of this folder, wherever pytest was called from.
_paths = [str(ROOT), os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _paths))

FAILED_CELL = pytest.StashKey[str]()


def method_of_nbval(kernel_class):
    """Return the method that is replaced here, if it is still what we know.

    Raises:
        pytest.UsageError: nbval has changed; it promises nothing about this method.
    """
    method = getattr(kernel_class, "await_reply", None)
    if method is None or [*inspect.signature(method).parameters] != ["self", "msg_id", "timeout"]:
        raise pytest.UsageError(
            "conftest.py replaces RunningKernel.await_reply(msg_id, timeout) of nbval, which this "
            "nbval does not have. Install the version in requirements.txt, or change conftest.py."
        )
    return method


_await_reply = method_of_nbval(RunningKernel)


def _await_reply_of_living_kernel(self, msg_id, timeout=None):
    """Wait as nbval does, but look every second whether the kernel is still there."""
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        try:
            return _await_reply(self, msg_id, timeout=min(1, left))
        except Empty:
            if not self.is_alive():
                raise RuntimeError("The kernel died while it ran this cell.") from None
    raise Empty


RunningKernel.await_reply = _await_reply_of_living_kernel


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Replace workers that have grown, unless another way to share the tests was asked for."""
    if config.getoption("dist") == "loadscope":
        from tools.fresh_workers import FreshWorkers

        return FreshWorkers(config, log)


def pytest_collection_modifyitems(items):
    for item in items:
        if isinstance(item, IPyNbCell):
            limit = item.config.option.nbval_cell_timeout
            item.add_marker(pytest.mark.timeout(limit + 30))


@pytest.fixture(scope="module")
def browser():
    """A Chromium for the tests of one file, or they are skipped."""
    from playwright.sync_api import sync_playwright

    from tools import chromium

    if (path := chromium.find()) is None:
        pytest.skip("needs Chromium or Chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium.flags())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site():
    """The address of the built book on this machine."""
    import built_book

    with built_book.served() as address:
        yield address


SHIFTS = """window.shift = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});"""


@pytest.fixture
def open_page(browser):
    """A function that opens an address and returns the page; it notes in `page.faults` what fails.

    A fault is a console message, a script's error, a request that fails or that leaves the book.
    """
    contexts = []

    def open_page(address, **options):
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        context.add_init_script(SHIFTS)
        page = context.new_page()
        page.faults = faults = []
        local = ("data:", "blob:", "file:", "/".join(address.split("/")[:3]) + "/")
        page.on("request", lambda r: r.url.startswith(local) or faults.append(f"left: {r.url}"))
        page.on(
            "requestfailed", lambda r: "ABORTED" in r.failure or faults.append(f"failed: {r.url}")
        )
        page.on("response", lambda r: r.status >= 400 and faults.append(f"{r.status}: {r.url}"))
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda m: m.type in ("error", "warning") and faults.append(m.text))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if isinstance(item, IPyNbCell) and (failed := item.parent.stash.get(FAILED_CELL, None)):
        pytest.skip(f"{failed} of this notebook failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and isinstance(item, IPyNbCell):
        item.parent.stash.setdefault(FAILED_CELL, item.name)
    return report
