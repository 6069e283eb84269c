"""Draws pictures in two processes: the second one gets ready while a run is simulated in the first.

matplotlib takes about a second for the pictures of a run, and as long to be imported. The second process is a
fresh Python, as this one has threads. It ends when this one does, and is only a help: what it has not drawn
is drawn here.
"""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Any, Union

from lava_predict.reports.print_style import ON_SCREEN, Printed, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Picture = Union["Figure", Callable[[], "Figure"]]
"""A picture, or what draws it; a second process can draw what can be pickled."""

Files = dict[str, bytes]
"""The files of a picture, by ending."""

_FAILED = (OSError, EOFError, ValueError, pickle.PickleError, AttributeError, TypeError)
"""Where the second process is gone, its pipes are closed, or a picture cannot be sent to it."""

_CODE = "import gc, sys; gc.set_threshold(*{}); sys.path[:] = {}; from {} import serve; serve({})"


class SecondProcess:
    """A Python that draws pictures once it is started and has imported what they are drawn with."""

    def __init__(self) -> None:
        self._process: Any = None

    @property
    def started(self) -> bool:
        """Whether it has been started."""
        return self._process is not None

    def start(self, *modules: str) -> None:
        """Start it, to import some modules first; where no process can be started, all goes on without it."""
        # It looks for garbage as often as this process, which `lava_predict.cli` has made rare.
        code = _CODE.format(gc.get_threshold(), sys.path, __name__, modules)
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # A Ctrl-C ends both; this process says so.
            )

    def wait(self) -> None:
        """Wait until it has imported its modules; raises one of the errors of `render`."""
        pickle.load(self._process.stdout)

    def render(self, picture: Picture, printed: Printed) -> Files:
        """Return the files of a picture; raises an error of several kinds if the process cannot do it."""
        self._process.stdin.write(pickle.dumps((picture, printed)))
        self._process.stdin.flush()
        files: Files = pickle.load(self._process.stdout)
        return files

    def close(self) -> None:
        """End it, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            with suppress(OSError), self._process:  # This closes the pipes.
                pass


def serve(modules: tuple[str, ...]) -> None:
    """Be the second process: import modules, say so, and draw what is sent, until nothing more can come."""
    pictures, files = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    for module in modules:
        import_module(module)
    answer: Files = {}
    with suppress(EOFError):
        while True:
            files.write(pickle.dumps(answer))
            files.flush()
            answer = _files_of(*pickle.load(pictures))


class Rendering:
    """Pictures that become files: a second process, where there is one, begins at once with the first.

    This process begins with the last when `files` is called. So what takes longest should be first.
    """

    def __init__(
        self,
        pictures: Mapping[str, Picture],
        printed: Printed = ON_SCREEN,
        second: SecondProcess | None = None,
    ) -> None:
        self._pictures, self._printed = pictures, printed
        self._waiting, self._files = deque(pictures), dict[str, Files]()
        self._elsewhere: Thread | None = None
        if second is not None and second.started:
            self._elsewhere = Thread(target=self._draw_elsewhere, args=(second,), daemon=True)
            self._elsewhere.start()

    def files(self) -> dict[str, Files]:
        """Draw what has not been drawn, and return the files by the names of the pictures."""
        for name in _taken(self._waiting.pop):
            self._draw(name)
        if self._elsewhere is not None and len(self._files) < len(self._pictures):
            self._elsewhere.join()
        for name in self._pictures.keys() - self._files.keys():
            self._draw(name)
        return {name: self._files[name] for name in self._pictures}

    def _draw(self, name: str) -> None:
        self._files[name] = _files_of(self._pictures[name], self._printed)

    def _draw_elsewhere(self, second: SecondProcess) -> None:
        with suppress(*_FAILED):
            second.wait()
            for name in _taken(self._waiting.popleft):
                self._files[name] = second.render(self._pictures[name], self._printed)


def _taken(take: Callable[[], str]) -> Iterator[str]:
    """Yield what is waiting until nothing is."""
    while True:
        try:
            name = take()
        except IndexError:
            return
        yield name


def _files_of(picture: Picture, printed: Printed) -> Files:
    return render(picture() if callable(picture) else picture, printed)
