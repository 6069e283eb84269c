"""One owner a name: while a process writes a folder or a file, no other begins to.

Beside NAME stands a hidden file ``.NAME.owner`` that says which process on which host writes it. That process
holds a POSIX lock on it (`fcntl.lockf`). The kernel gives the lock back when the process ends, however it
ends. On NFS the server holds it, for all hosts, and gives it back when a host is gone. So a file without a
lock is that of a dead process, and the next owner takes it over. Locks of the kind of ``flock`` would be kept
by forked children, and hold on one host alone on some systems.

Where a file system has no locks, the file itself is the lock. It is taken over only where its process
was on this host and is gone; else the message says which file to delete.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lava_predict.errors import UserError
from lava_predict.records import leftovers

PATIENCE_S = 1.0
"""How long an owner that may be about to end is waited for."""

_BEHIND = 4096
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_HELD = (errno.EACCES, errno.EAGAIN)
_ours: set[Path] = set()
"""Files that this process holds. The kernel would give it their locks again, and take them with any close."""
_guard = threading.Lock()


@dataclass(frozen=True)
class Owner:
    """A process that writes something.

    Attributes
    ----------
    host : str
        Where it runs.
    process : int
        Its id there.
    since : str
        When it became the owner.
    started : str
        When it began, in the kernel's ticks, as ids are used again; empty where that is not known.
    """

    host: str
    process: int
    since: str
    started: str

    @classmethod
    def here(cls) -> Owner:
        """Return this process."""
        process = os.getpid()
        return cls(socket.gethostname(), process, time.strftime("%Y-%m-%d %H:%M:%S"), _start_of(process))

    @property
    def is_gone(self) -> bool:
        """Whether it was on this host and has ended."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return _start_of(self.process) != self.started

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} (since {self.since})"


def owner_file(path: Path) -> Path:
    """Return the file that names the owner of a path."""
    return path.parent / f".{path.name}.owner"


@contextmanager
def owned(path: Path, option: str = "--out") -> Iterator[None]:
    """Own a folder or file, there already or not, as long as the context lasts; make its parents.

    What dead owners left is cleared first, beside this path and beside others in the same folder. Raises a
    UserError, with the ``option`` that gave the path, if another process owns it, which it names, nothing can
    be written there, or it has no name of its own, as "." and "/".
    """
    if not path.name:
        raise UserError(f"{option} {str(path)!r}: is no name for something new; give one such as runs/first")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_held(path, option, PATIENCE_S))
            _clear_after_others(path.parent)
        except OSError as error:
            raise cannot_be_written(option, path, error) from None
        yield


def cannot_be_written(option: str, path: Path, error: OSError) -> UserError:
    """Return the error for a path, which an option named, that cannot be written."""
    return UserError(
        f"{option} {str(path)!r}: cannot be written ({error.strerror or error}); choose a folder with free "
        "space and write permission"
    )


def _clear_after_others(folder: Path) -> None:
    """Clear what dead owners of other names in a folder left."""
    for file in folder.glob(".*.owner"):
        if _key(file) in _ours or not _is_owner_file(file):
            continue
        with suppress(UserError, OSError), _held(file.with_name(file.name[1:-6]), "", 0.0):
            pass


def _is_owner_file(file: Path) -> bool:
    """Whether a file, not one of this process, is of this module."""
    with suppress(OSError):
        text = file.read_bytes()
        return not text or _owner_of(text) is not None
    return False


def _key(file: Path) -> Path:
    """Return the one name of an owner file, whatever links lead to it."""
    return file.parent.resolve() / file.name


@contextmanager
def _held(path: Path, option: str, patience_s: float) -> Iterator[None]:
    file = owner_file(path)
    key = _key(file)
    with _guard:
        if key in _ours:
            raise _refusal(path, option, Owner.here())
        _ours.add(key)
    try:
        descriptor = _take(path, option, patience_s)
        try:
            leftovers.clear(path)
            yield
        finally:
            file.unlink(missing_ok=True)
            os.close(descriptor)
    finally:
        _ours.discard(key)


def _take(path: Path, option: str, patience_s: float) -> int:
    """Make the owner file this process's, and return its descriptor."""
    file, until = owner_file(path), time.monotonic() + patience_s
    while True:
        descriptor, made = _opened(file)
        locked = _lock(descriptor)
        if locked or (locked is None and made):
            if _is_at(descriptor, file):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(asdict(Owner.here())).encode(), 0)
                return descriptor
            os.close(descriptor)  # The owner before has deleted it meanwhile.
            continue
        owner = _read(descriptor)
        os.close(descriptor)
        if locked is None and owner is not None and owner.is_gone:
            _take_away(path, owner)
        elif time.monotonic() >= until:
            raise _refusal(path, option, owner, locked is None)
        else:
            time.sleep(0.02)


def _opened(file: Path) -> tuple[int, bool]:
    """Open an owner file; return its descriptor, and whether it was made."""
    flags = os.O_RDWR | os.O_CLOEXEC
    while True:
        with suppress(FileExistsError):
            return os.open(file, flags | os.O_CREAT | os.O_EXCL, 0o666), True
        with suppress(FileNotFoundError):
            return os.open(file, flags), False


def _lock(descriptor: int) -> bool | None:
    """Lock a file; return whether that was possible, None where the file system has no locks.

    The lock is behind the text: where locks forbid to read, on SMB, others can still read whose it is.
    """
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _BEHIND)
    except OSError as error:
        if error.errno in _HELD:
            return False
        if error.errno in _NO_LOCKS:
            return None
        if error.errno == errno.ESTALE:
            return True  # Deleted on another host meanwhile, which `_is_at` finds.
        os.close(descriptor)
        raise
    return True


def _is_at(descriptor: int, file: Path) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except OSError:
        return False


def _read(descriptor: int) -> Owner | None:
    try:
        return _owner_of(os.pread(descriptor, _BEHIND, 0))
    except OSError:
        return None


def _owner_of(text: str | bytes) -> Owner | None:
    """Return the owner that a file names, or None: it is being written, or damaged, or not of this module."""
    try:
        owner = Owner(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    right = all(type(getattr(owner, one.name)).__name__ == one.type for one in fields(owner))
    return owner if right and 0 < owner.process < 2**31 else None


def _take_away(path: Path, owner: Owner) -> None:
    """Delete the file of an owner that is gone, unless another process has been faster."""
    file = owner_file(path)
    with leftovers.temporary_room(path) as room, suppress(FileNotFoundError):
        taken = file.rename(room / file.name)
        if taken.read_bytes() != json.dumps(asdict(owner)).encode():
            os.link(taken, file)


def _refusal(path: Path, option: str, owner: Owner | None, without_lock: bool = False) -> UserError:
    name = "another process" if owner is None else str(owner)
    gone = f"; if that process has ended, delete {owner_file(path)}" if without_lock else ""
    return UserError(
        f"{option} {str(path)!r}: {name} is writing it; wait until that has ended, or choose another "
        f"folder{gone}"
    )


def _start_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
