"""Test processes that have grown are replaced: TensorFlow never gives back what it compiled.

pytest-xdist hands a worker one file after the other. Here a worker whose memory is above `LIMIT`
gets no further file. It ends, and a new one takes its place.
"""

import psutil
import pytest
from execnet.gateway import Gateway
from xdist.dsession import DSession
from xdist.scheduler import LoadScopeScheduling

LIMIT = 1_200_000_000  # bytes; one that has only imported everything has 850 million
PATIENCE = 60  # seconds that it may take to clean up

#: What is replaced or called here of pytest-xdist and its execnet, none of it promised to stay.
USED = {
    LoadScopeScheduling: ("_reschedule", "_pending_of", "remove_node"),
    DSession: ("_clone_node",),
    Gateway: ("_rinfo",),
}


def grown(node) -> bool:
    """Say whether a worker's process holds more memory than it should."""
    return psutil.Process(node.gateway._rinfo().pid).memory_info().rss > LIMIT


class FreshWorkers(LoadScopeScheduling):
    """Hands out file by file, as ``--dist loadscope`` does, but not to a worker that has grown."""

    def __init__(self, config, log=None):
        for owner, names in USED.items():
            if missing := [name for name in names if not hasattr(owner, name)]:
                raise pytest.UsageError(
                    f"tools/fresh_workers.py needs {owner.__name__}.{missing[0]}, which this "
                    "pytest-xdist does not have. Install the version in requirements.txt."
                )
        super().__init__(config, log)
        self.replaced = set()

    def _reschedule(self, node):
        if node not in self.registered_collections:
            return  # a new one that still collects; xdist will ask again
        work = self.assigned_work[node]  # of a new one empty, and it gets a file in any case
        few_left = self._pending_of(work) <= 2  # when xdist gives the next file
        if work and few_left and self.workqueue and not node.shutting_down and grown(node):
            self.replaced.add(node)
            node.shutdown()  # after the tests that it has
        else:
            super()._reschedule(node)

    def remove_node(self, node):
        """Forget a worker that has ended; if it is to be replaced, start a new one."""
        unfinished = super().remove_node(node)
        if node in self.replaced and unfinished is None:
            process = psutil.Process(node.gateway._rinfo().pid)
            try:
                node.channel.waitclose(timeout=PATIENCE)  # while it cleans up
            except node.channel.TimeoutError:  # it hangs, and all its tests have reported
                process.kill()
            node.ensure_teardown()  # or its process would stay until the last test
            self.config.pluginmanager.getplugin("dsession")._clone_node(node)
        return unfinished
