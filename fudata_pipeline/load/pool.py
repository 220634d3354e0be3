"""Many small items at a time: a worker process for each core, one item after another in each.

Of a small load hardly anything but the planning of its statements takes time, which is work for one core, and DuckDB
and great-expectations get in each other's way within one process. A worker that dies costs the item it was loading.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from fudata_pipeline.catalog.model import Item
from fudata_pipeline.engine.duckdb import share
from fudata_pipeline.load.result import LoadResult
from fudata_pipeline.project import Project

log = logging.getLogger(__name__)


class _Worker:
    """One worker process and the item it has in hand."""

    def __init__(self, project: bytes) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self.requests, self.answers = Connection(ours_out, readable=False), Connection(ours_in, writable=False)
        self.ready = False
        self.item: Item | None = None
        try:
            # Its own process group: Ctrl-C is for the caller, who then ends the worker.
            command = [sys.executable, "-m", "fudata_pipeline.load.worker"]
            self.process = subprocess.Popen(command, stdin=theirs_in, stdout=theirs_out, process_group=0)
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._send(lambda: self.requests.send_bytes(project))

    def _send(self, message: Callable[[], None]) -> None:
        with suppress(OSError):  # it is dead: reading its answers will tell, and once is enough
            message()

    def load(self, item: Item) -> None:
        self.item = item
        self._send(lambda: self.requests.send(item))

    def answer(self) -> Any:
        """Its next message. Raises EOFError if it is dead."""
        try:
            return self.answers.recv()
        except OSError as error:
            raise EOFError from error

    def end(self, *, at_once: bool) -> None:
        """Let it end; ``at_once``: in the middle of its work, which leaves nothing that counts."""
        self.requests.close()
        if at_once:
            self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.answers.close()


class Pool:
    """``workers`` processes that load items of a project with an equal share of cores and memory each.

    They start at once and need some seconds to be ready. As a context it ends them, in the middle of their work if
    the block is left by an exception.
    """

    def __init__(self, project: Project, workers: int) -> None:
        self._payload = pickle.dumps((share(project.settings, workers), project.catalog), pickle.HIGHEST_PROTOCOL)
        self._workers = [_Worker(self._payload) for _ in range(workers)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self._workers:
            worker.requests.close()
        for worker in self._workers:
            worker.end(at_once=kind is not None or not worker.ready)

    def load(self, items: list[Item], on_start: Callable[[Item], None]) -> Iterator[tuple[Item, LoadResult | None]]:
        """Each item with its result, as they come; None if its worker died. ``on_start``: as an item's work begins.

        When no worker can be started any more, the items that are left over are not among the results.
        """
        waiting = deque(items)
        left = len(items)
        while left and self._workers:
            for answers in wait([w.answers for w in self._workers]):
                worker = next(w for w in self._workers if w.answers is answers)
                try:
                    said = worker.answer()
                except EOFError:
                    if worker.item is not None:
                        left -= 1
                        yield worker.item, None
                    self._remove(worker, replace=bool(waiting))
                    continue
                if isinstance(said, logging.LogRecord):
                    logging.getLogger(said.name).handle(said)
                    continue
                if said is None:
                    worker.ready = True
                elif worker.item is not None:
                    left -= 1
                    yield worker.item, said
                worker.item = None
                if waiting:
                    item = waiting.popleft()
                    on_start(item)
                    worker.load(item)

    def _remove(self, dead: _Worker, *, replace: bool) -> None:
        """Bury a dead one; start another in its place, but not if it has never even become ready."""
        self._workers.remove(dead)
        dead.end(at_once=True)
        log.warning("worker process ended with status %s", dead.process.returncode)
        if dead.ready and replace:
            self._workers.append(_Worker(self._payload))
