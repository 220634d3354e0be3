"""A process that loads items for another one, which reaches it by its standard input and output.

It is started as a program of its own, not forked (DuckDB and great-expectations have threads) and not spawned by
:mod:`multiprocessing` (which would run the caller's main module again). It says ``None`` when it is ready, then answers
each item with its :class:`LoadResult`; log records come in between. It ends when its input ends, however that came.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import sys
from multiprocessing.connection import Connection

if __name__ == "__main__":  # before anything can print: the answers' pipe is for answers only
    _answers = os.dup(1)
    os.dup2(2, 1)

from logging.handlers import QueueHandler

from fudata_pipeline.lake.registry import Registry
from fudata_pipeline.load.item import load_item
from fudata_pipeline.project import Project


class _ToParent(QueueHandler):
    """Log records go to the caller, who knows where they belong."""

    def __init__(self, answers: Connection) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.answers = answers

    def enqueue(self, record: logging.LogRecord) -> None:
        self.answers.send(record)


def serve(requests: Connection, answers: Connection) -> None:
    """Load what ``requests`` names, one item after another, until it ends."""
    settings, catalog = pickle.loads(requests.recv_bytes())
    from fudata_pipeline.quality import gx  # noqa: F401  the seconds that its import takes are spent now

    logging.getLogger().addHandler(_ToParent(answers))
    project = Project(settings, catalog, Registry(settings))
    gc.collect()
    gc.freeze()  # the catalog and the libraries stay: the collector need not walk them again and again
    gc.set_threshold(20_000, 20, 20)
    answers.send(None)
    while True:
        try:
            item = requests.recv()
        except EOFError:
            return
        answers.send(load_item(project, item))


if __name__ == "__main__":
    serve(Connection(0, writable=False), Connection(_answers, readable=False))
    sys.exit(0)
