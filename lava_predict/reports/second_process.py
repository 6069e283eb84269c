"""Draws pictures in two processes: the second one gets ready while a run is simulated in the first.

matplotlib takes about a second for the pictures of a run, and as long to be imported. The second process is a
fresh Python, as this one has threads. It ends when this one does, and is only a help: what it has not drawn
is drawn here.
"""

from __future__ import annotations

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

_FAILED = (OSError, EOFError, pickle.PickleError, AttributeError, TypeError)
"""Where the second process is gone, or a picture cannot be sent to it."""

_CODE = "import sys; sys.path[:] = {}; from {} import serve; serve({})"


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
        code = _CODE.format(sys.path, __name__, modules)
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


def render_all(
    pictures: Mapping[str, Picture], printed: Printed = ON_SCREEN, second: SecondProcess | None = None
) -> dict[str, Files]:
    """Return the files of pictures, by the pictures' names.

    This process begins with the first picture, and the second one, where there is one, with the last: so what
    takes longest should be first.
    """
    waiting, files = deque(pictures), dict[str, Files]()

    def draw_elsewhere(second: SecondProcess) -> None:
        with suppress(*_FAILED):
            second.wait()
            for name in _taken(waiting.pop):
                files[name] = second.render(pictures[name], printed)

    elsewhere = None
    if second is not None and second.started:
        elsewhere = Thread(target=draw_elsewhere, args=(second,), daemon=True)
        elsewhere.start()
    for name in _taken(waiting.popleft):
        files[name] = _files_of(pictures[name], printed)
    if elsewhere is not None and len(files) < len(pictures):
        elsewhere.join()
    return {name: files.get(name) or _files_of(picture, printed) for name, picture in pictures.items()}


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
