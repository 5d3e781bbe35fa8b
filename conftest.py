"""What every test run shares: the quick profile, asserted claims, how notebooks run under nbval.

A chapter's cells are tests that depend on each other, so nbval gets three habits: after the first
failing cell the rest of the notebook is skipped, a kernel that dies fails its cell within seconds,
and no cell can hang for longer than its limit and half a minute.
"""

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
# The kernels import the package of this folder, wherever pytest was called from.
_paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, _paths))

FAILED_CELL = pytest.StashKey[str]()
_await_reply = RunningKernel.await_reply


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


def pytest_collection_modifyitems(items):
    for item in items:
        if isinstance(item, IPyNbCell):
            limit = item.config.option.nbval_cell_timeout
            item.add_marker(pytest.mark.timeout(limit + 30))


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
