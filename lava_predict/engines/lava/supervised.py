"""A Lava run that always ends and leaves nothing behind.

Lava 0.10.0 compiles well, but its runtime waits for ever when a model raises or a child dies, and a killed
main process leaves orphans and shared memory. So Lava only compiles and connects; this module starts and
watches the children. Lava is archived: its private attributes will not change.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.pool import RemoteTraceback  # type: ignore[attr-defined]
from types import SimpleNamespace
from typing import Any

import numpy as np

from lava_predict.errors import RunError, whole
from lava_predict.newer_python import lava_is_missing

_TICK_S = 0.05  # between two looks at the children; their answers need no look
_GRACE_S = 3.0  # for the reason of a failure to arrive after its effect, also on a busy machine
_STOP_S = 3.0  # for an orderly end, before the kill
_KILL_S = 60.0  # for the kernel to remove a killed child: even that waits for its turn on a busy machine
_SIGNALS = {signal.SIGINT, signal.SIGTERM}
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def import_lava() -> None:
    """Import Lava's runtime, whatever the start method of multiprocessing is; call it before any Process.

    Lava sets the start method when imported, and raises if it is already set. Here the start method stays,
    and this module forks explicitly.
    """
    if "lava.magma.runtime.message_infrastructure.multiprocessing" in sys.modules:
        return
    kept = multiprocessing.set_start_method
    multiprocessing.set_start_method = lambda *args, **options: None
    try:
        _lava("magma.core.process.process")
    except ModuleNotFoundError as error:
        raise RunError(f"Lava cannot be imported: {error}; it {lava_is_missing()}") from error
    finally:
        multiprocessing.set_start_method = kept
    _lava("magma.compiler.channels.pypychannel").Semaphore = _fork.Semaphore


def _lava(module: str) -> Any:
    return importlib.import_module(f"lava.{module}")


_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class _Failure:
    """What a child reports of its exception."""

    when: float  # system-wide monotonic time, to find the first of several failures
    text: str  # the traceback
    summary: str  # its last line
    pickled: bytes  # the exception, if it can be pickled

    @classmethod
    def of(cls, error: BaseException) -> _Failure:
        when, pickled = time.monotonic(), b""
        with contextlib.suppress(Exception):
            pickled = pickle.dumps(error)
        text = "".join(traceback.format_exception(error))
        return cls(when, text, f"{type(error).__name__}: {error}", pickled)

    def error(self, name: str) -> Exception:
        """Return the child's exception, or a RunError in its place."""
        with contextlib.suppress(Exception):
            error = pickle.loads(self.pickled)
            # A SystemExit in a child must not end the main process.
            if isinstance(error, Exception):
                return error
        return RunError(f"{name} failed: {self.summary}")


def _die_with(parent: int) -> None:
    """Let the kernel kill this process when the thread that forked it ends, hence with its process."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    else:
        threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # The parent died before the call above.
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


class _Actor(multiprocessing.context.ForkProcess):
    """A child process that builds and runs one of Lava's actors, and what the parent knows of it."""

    def __init__(self, name: str, builder: Any) -> None:
        # daemon: if nobody calls stop(), multiprocessing ends it at interpreter exit.
        super().__init__(name=name, daemon=True)
        self._builder = builder
        self._main = os.getpid()
        self.ready = False
        self.failure: _Failure | None = None
        self.pipe, self._far_end = _fork.Pipe(duplex=False)

    def start(self) -> None:
        super().start()
        self._far_end.close()
        # multiprocessing keeps this object until the child is gone; a builder holds a whole Process.
        del self._builder

    def run(self) -> None:
        """In the child, build and run the actor; tell the parent when it is ready or has failed."""
        _die_with(self._main)
        # Ctrl-C reaches the whole foreground group; only the parent reacts to it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        try:
            actor = self._builder.build()
            self._far_end.send(None)
            actor.start()
        except BaseException as error:
            with contextlib.suppress(OSError):
                self._far_end.send(_Failure.of(error))

    def receive(self) -> None:
        """Take a message from the pipe, or note that there will be no more."""
        try:
            message = self.pipe.recv()
        except (EOFError, OSError):
            self.pipe.close()
            return
        if message is None:
            self.ready = True
        else:
            self.failure = message

    def kill(self) -> None:
        """Kill it and wait until it is gone."""
        if self.pid is not None:
            super().kill()
            self.join(_KILL_S)
        self.pipe.close()
        self._far_end.close()

    def fate(self) -> str | None:
        """Say how it ended; None while it lives."""
        if self.exitcode is None:
            return None
        if self.exitcode >= 0:
            return f"{self.name} ended unexpectedly with exit code {self.exitcode}"
        name = signal.Signals(-self.exitcode).name
        hint = " (the kernel does this when memory runs out)" if name == "SIGKILL" else ""
        return f"{self.name} was killed by {name}{hint}"


def _infrastructure() -> SimpleNamespace:
    """Return what Lava's builders and Runtime use of a message infrastructure, without a manager process.

    Its memory is anonymous: unlike a named segment it cannot be left behind.
    """
    from lava_predict.engines.lava.channels import DirectChannel

    def create_shared_memory(size: int) -> SimpleNamespace:
        return SimpleNamespace(buf=memoryview(mmap.mmap(-1, max(1, size))))

    memory = SimpleNamespace(create_shared_memory=create_shared_memory)
    return SimpleNamespace(actors=(), smm=memory, channel_class=lambda channel_type: DirectChannel)


class _Watch:
    """Replaces Lava's watchdog around each wait on a port, so that Var.get and Var.set cannot hang."""

    def __init__(self, wait_for: Callable[[Callable[[], bool]], None], port: Any) -> None:
        # Else the thread behind a port would keep alive a run that was dropped without stop().
        self._wait_for = weakref.WeakMethod(wait_for)
        self._port = port

    def __enter__(self) -> None:
        wait_for = self._wait_for()
        if wait_for is not None and not self._port.probe():
            wait_for(self._port.probe)

    def __exit__(self, *error: object) -> None:
        pass


class _Patience:
    """Tells when nothing has moved for too long.

    At most a second counts between two looks: a laptop's sleep or a Ctrl-Z is no hang.
    """

    def __init__(self, progress: Callable[[], int] | None, limit_s: float) -> None:
        self._progress = progress
        self.limit_s = limit_s
        self.restart()

    def restart(self) -> None:
        self._idle = 0.0
        self._then = time.monotonic()
        self._seen = self._progress() if self._progress else 0

    def gone(self) -> bool:
        """Look at the clock and at the progress."""
        then, self._then = self._then, time.monotonic()
        self._idle += min(self._then - then, 1.0)
        if self._progress and (seen := self._progress()) != self._seen:
            self._seen = seen
            self._idle = 0.0
        return self._idle > self.limit_s


class SupervisedRun:
    """Runs a network of Lava Processes, never hangs, and leaves no child, thread or shared memory behind.

    An exception in a child is raised by `run` as itself if it can travel, else as a RunError, with the
    child's traceback as its cause. A child that dies, or a run in which nothing moves for `patience_s`, is a
    RunError. After any error everything is gone, and another run can start.

    Call it from a thread that outlives the run: on Linux the children die with the thread that started them.

    Parameters
    ----------
    process : AbstractProcess
        Any of the connected Processes.
    run_cfg : RunConfig
        Chooses the ProcessModels.
    progress : callable, optional
        Gives an integer that changes as long as the run advances; called about 20 times a second.
    patience_s : float, optional
        How long neither `progress` nor the run may stand still.
    """

    def __init__(
        self, process: Any, run_cfg: Any, progress: Callable[[], int] | None = None, patience_s: float = 60.0
    ) -> None:
        self._process, self._run_cfg = process, run_cfg
        self._patience = _Patience(progress, patience_s)
        self._owner = os.getpid()
        self._runtime: Any = None
        self._actors: list[_Actor] = []
        self._wake = threading.Event()
        self._idle = False  # the children wait for a command
        self._ended = ""

    def __enter__(self) -> SupervisedRun:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def run(self, steps: int) -> None:
        """Advance all connected Processes by 1 or more Lava time steps, or until a model asks for a pause.

        The first call compiles and starts them.
        """
        steps = whole("steps", steps, 1)
        if self._ended:
            raise RunError(f"this Lava run {self._ended}; make a new one")
        try:
            if self._runtime is None:
                self._start()
            self._advance(steps)
        except BaseException:
            self._end("has failed")
            raise

    def stop(self) -> None:
        """End the children, by a kill if they take more than seconds, and free everything; repeatable."""
        # A forked child holds a copy of this object, but must not end its siblings.
        if self._ended or os.getpid() != self._owner:
            return
        try:
            if self._idle:
                self._ask_to_stop()
        finally:
            self._end("has been stopped")

    def _start(self) -> None:
        import_lava()
        executable = self._compile()
        runtime = _lava("magma.runtime.runtime").Runtime(
            executable, _lava("magma.core.process.message_interface_enum").ActorType.MultiProcessing
        )
        # Lava's own stop(), which a Process also calls when it is collected, may hang.
        runtime.stop = self.stop
        runtime._messaging_infrastructure = _infrastructure()
        executable.assign_runtime_to_all_processes(runtime)
        self._runtime = runtime
        runtime._build_watchdog_manager()
        runtime._build_channels()
        runtime._build_sync_channels()
        for process, builder in executable.proc_builders.items():
            runtime._create_external_channels(process, builder)
        self._fork_all(executable)
        runtime._start_ports()
        for port in [*runtime.runtime_to_service, *runtime.service_to_runtime]:
            port.observer = self._wake.set
            port._io_watchdog = _Watch(self._wait_for, port)
        self._patience.restart()
        while not all(actor.ready for actor in self._actors):
            self._listen(_TICK_S)
            self._check()
        runtime._is_initialized = runtime._is_started = True  # Var.get and Var.set ask for it

    def _compile(self) -> Any:
        # Every Compiler adds a handler to this logger and leaves it there.
        log = logging.getLogger("lava.magma.compiler.compiler")
        kept = list(log.handlers)
        try:
            return self._process.compile(self._run_cfg)
        finally:
            log.handlers[:] = kept

    def _fork_all(self, executable: Any) -> None:
        builders, services = executable.proc_builders.items(), executable.runtime_service_builders.values()
        self._actors = [_Actor(f"{each.name} ({type(each).__name__})", builder) for each, builder in builders]
        self._actors += [_Actor("Lava's runtime service", builder) for builder in services]
        config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]
        daemon = config.get("daemon", False)
        # A Ctrl-C waits until the new children have set their signal handlers.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            # A daemonic process (a worker of dask or of a pool) may have these children: they die with it.
            config["daemon"] = False
            for actor in self._actors:
                actor.start()
        finally:
            config["daemon"] = daemon
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _advance(self, steps: int) -> None:
        token = _lava("magma.runtime.mgmt_token_enums").MGMT_RESPONSE
        self._idle = False
        self._runtime._is_running = True
        self._command(steps)
        for _ in self._runtime.service_to_runtime:
            answer = self._answer()
            if answer == token.REQ_PAUSE[0]:
                self._pause()
                break
            if answer == token.REQ_STOP[0]:
                self._idle = True
                self.stop()
                return
            if answer != token.DONE[0]:
                raise RunError(f"Lava answered {answer} to a run; this answer is unknown")
        self._runtime._is_running = False
        self._idle = True

    def _pause(self) -> None:
        """Complete the hand-shake that a model began with REQ_PAUSE."""
        tokens = _lava("magma.runtime.mgmt_token_enums")
        self._command(tokens.MGMT_COMMAND.PAUSE[0])
        for _ in self._runtime.service_to_runtime:
            # A pause in the last step comes together with DONE.
            while self._answer() != tokens.MGMT_RESPONSE.PAUSED[0]:
                pass

    def _ask_to_stop(self) -> None:
        tokens = _lava("magma.runtime.mgmt_token_enums")
        self._patience = _Patience(None, _STOP_S)
        until = time.monotonic() + _STOP_S
        # Whatever fails here is followed by the kill.
        with contextlib.suppress(RunError):
            self._command(tokens.MGMT_COMMAND.STOP[0])
            for actor in self._actors:
                actor.join(max(0.0, until - time.monotonic()))

    def _command(self, token: float) -> None:
        for port in self._runtime.runtime_to_service:
            port.send(np.array([token], np.float64))

    def _answer(self) -> float:
        """Wait for the next answer of any runtime service."""
        ports = self._runtime.service_to_runtime
        self._wait_for(lambda: any(port.probe() for port in ports))
        answer = float(next(port for port in ports if port.probe()).recv()[0])
        if answer == _lava("magma.runtime.mgmt_token_enums").MGMT_RESPONSE.ERROR[0]:
            self._blame()
        return answer

    def _wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait for something on a port, and check the children meanwhile."""
        self._patience.restart()
        while True:
            self._wake.clear()
            if ready():
                return
            if not self._wake.wait(_TICK_S):
                self._check()

    def _listen(self, timeout: float) -> None:
        """Take in what the children tell; each message earns patience."""
        actors = {actor.pipe: actor for actor in self._actors if not actor.pipe.closed}
        for pipe in connection.wait(list(actors), timeout):
            actors[pipe].receive()  # type: ignore[index]
            self._patience.restart()

    def _check(self) -> None:
        """Raise if a child has failed or died, or if nothing moves."""
        self._listen(0.0)
        if any(actor.failure or actor.exitcode is not None for actor in self._actors):
            self._blame()
        if self._patience.gone():
            names = ", ".join(actor.name for actor in self._actors)
            raise RunError(
                f"the Lava run hangs: nothing has moved for {self._patience.limit_s:g} s; all its actors are "
                f"alive: {names}. Look for a model that waits for a message that nobody sends, or for an "
                "endless loop; if a step may take that long, raise patience_s"
            )

    def _blame(self) -> None:
        """Raise the exception that came first, or say which child died."""
        killed = any((actor.exitcode or 0) < 0 for actor in self._actors)
        until = time.monotonic() + (0.0 if killed else _GRACE_S)
        while not any(actor.failure for actor in self._actors) and time.monotonic() < until:
            self._listen(_TICK_S)
        self._listen(_TICK_S)
        failed = [(actor.failure, actor.name) for actor in self._actors if actor.failure]
        if failed:
            failure, name = min(failed, key=lambda pair: pair[0].when)
            raise failure.error(name) from RemoteTraceback(f'\n"""\nIn {name}:\n{failure.text}"""')
        fates = filter(None, [actor.fate() for actor in self._actors])
        raise RunError("; ".join(fates) or "Lava reports an error in a model and gives no reason")

    def _end(self, how: str) -> None:
        """Kill what lives and free everything; each part can be repeated after an interruption."""
        self._idle = False
        for actor in self._actors:
            actor.kill()
        if self._runtime is not None:
            self._runtime._is_initialized = self._runtime._is_started = self._runtime._is_running = False
            _join_threads(self._runtime)
        _forget_processes()
        self._actors = []
        self._runtime = self._process = None
        self._ended = how


def _join_threads(runtime: Any) -> None:
    """End the threads behind the parent's ends of the channels."""
    ports = list(runtime._open_ports)
    for process, builder in runtime._executable.proc_builders.items():
        for name in builder.py_ports:
            pipe_ends = vars(getattr(process, name))
            ports += [pipe_ends[key] for key in pipe_ends if key.startswith("external_pipe_csp_")]
    for port in ports:
        port.join()
        if port.thread is not None:
            port.thread.join(_STOP_S)
    runtime._open_ports.clear()


def _forget_processes() -> None:
    """Drop what Lava keeps of every Process ever made, but not the counters of ids, which stay unique."""
    if "lava.magma.core.process.process" not in sys.modules:
        return
    server = _lava("magma.core.process.process").ProcessServer()
    formats = {process._log_config.format for process in server.processes}
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler) is logging.StreamHandler and getattr(handler.formatter, "_fmt", None) in formats:
            root.removeHandler(handler)
    server.processes = []
    _lava("magma.core.process.variable").VarServer().vars = []
