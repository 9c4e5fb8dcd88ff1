"""Run the parts of an exploration on a cluster of dask.distributed: one that is there, or one of this machine's processors.

Dask hands a part to a worker, gives it to another one when that dies, and brings the piece back; nothing else is left to it. A
worker runs one part at a time.
"""

import importlib
import logging
import signal
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any, Final

from .division import Found, Given
from .parts import origin

LOCAL: Final = "local"
DEATHS: Final = 2  # of workers of a local cluster, before a part is lost; another cluster has its own setting
CONNECT_S: Final = 4.0  # to reach a scheduler, and again for its first worker
LOOK_S: Final = 1.0  # between two counts of the workers
SETTINGS: Final[dict[str, Any]] = {
    "distributed.scheduler.allowed-failures": DEATHS - 1,
    "distributed.worker.profile.enabled": False,  # its thread would take the interpreter lock in the middle of a schedule
}


class Unusable(Exception):
    """Raised when a cluster can't be used: not reached, without workers, or with other code than this process."""


class Cluster:
    """Submit parts to the workers of a client."""

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self._executor = client.get_executor(pure=False)
        self._workers = 0
        self._looked_s = -LOOK_S

    def submit(self, function: Callable[[Given], Found], given: Given) -> Future[Found]:
        """Have whichever worker is free call a function."""
        future: Future[Found] = self._executor.submit(function, given)
        return future

    def workers(self) -> int:
        """Count the workers. OSError if the scheduler does not answer."""
        now_s = time.monotonic()
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._workers = len(self.client.nthreads())
        return self._workers

    def admit(self, subject: str) -> None:
        """Raise Unusable unless there are workers, and all of them have the code that this process has."""
        here = origin(subject)
        try:
            self.client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise Unusable(f"the scheduler at {self.address} has no workers") from error
        found: dict[str, Any] = self.client.run(origin, subject, on_error="return")
        for worker, there in sorted(found.items()):
            if isinstance(there, BaseException):
                raise Unusable(f"the worker {worker} can't explore {subject}: {type(there).__name__}: {there}") from there
            if there != here:
                raise Unusable(f"the worker {worker} has {there}, this is {here}")


@contextmanager
def connected(address: str) -> Generator[Cluster]:
    """Use the cluster whose scheduler is at an address, or a local one with a process for each processor, closed at the end."""
    dask: Any = importlib.import_module("dask")
    distributed: Any = importlib.import_module("distributed")
    for logger in ("distributed.client", "tornado.application"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # parts taken back, a scheduler that is gone: the report tells
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(SETTINGS))
        where: Any = stack.enter_context(_local(distributed, dask.system.CPU_COUNT)) if address == LOCAL else address
        try:
            client = stack.enter_context(distributed.Client(where, timeout=CONNECT_S, set_as_default=False))
        except (OSError, ValueError) as error:
            raise Unusable(f"no scheduler at {address}: {error}") from error
        yield Cluster(client, address)


@contextmanager
def _local(distributed: Any, processors: int) -> Generator[Any]:
    """Start a cluster that is heard on this machine only, and leaves no file behind."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="tidegate-"))
        with _uninterrupted():  # half a cluster can't be closed
            cluster = distributed.LocalCluster(
                n_workers=processors,
                threads_per_worker=1,
                host="127.0.0.1",
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # its status pages: any free port
                memory_limit=0,
                local_directory=folder,
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
        yield cluster


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Put off an interrupt from the keyboard; the threads and processes started meanwhile, and those that they start, get none."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # whoever starts it first lets interrupts through afterwards
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
