"""Reads events: files of CSV, TSV, JSON lines or Parquet, and lines as they come."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import chain
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

from lava_predict.errors import UserError, named_arguments, needs_package, one_of, path_of, short
from lava_predict.events.events import LABELS_MAX, Events, Row, events_of
from lava_predict.settings.plain_values import Many, Maybe

TIMES = ("time", "t", "onset", "timestamp", "time_ms", "time_s", "onset_time", "start", "seconds")
LABELS = ("label", "event", "type", "name", "class", "category", "key", "note", "pitch", "channel", "unit")
ONLY_LABEL = "event"
"""The label of all events of a file that has times alone."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Note = Callable[[str], object]


@named_arguments
class Columns(NamedTuple):
    """Names of the columns; of ``time`` and ``label`` None is a guess, without ``sequence`` there is one."""

    time: str | None = None
    label: str | None = None
    sequence: str | None = None


GUESSED = Columns()

SOURCE: dict[str, Any] = {
    "path": Maybe(str),
    "example": Maybe(str),
    "number": int,
    "columns": Many(Maybe(str), "columns"),
    "ms_per_unit": Maybe(float),
    "precision": str,
    "backend": str,
}
"""What a stopped command says of where its events came from."""


def read_events(
    path: Path | str,
    columns: Columns = GUESSED,
    *,
    dt_ms: float = 1.0,
    ms_per_unit: float | None = None,
    labels_max: int = LABELS_MAX,
) -> Events:
    """Read a file of events.

    Parameters
    ----------
    path : path
        Its suffix tells Parquet (``.parquet``); anything else is text in UTF-8, JSON lines if it begins with
        ``{``, else a table with a header whose fields are parted by comma, semicolon or tab.
    columns : Columns
        Which to read.
    dt_ms, ms_per_unit, labels_max
        As of `events_of`.

    Raises
    ------
    UserError
        With the row and value, what is allowed and what to do. Rows count from 1, the header included.
    """
    notes: list[str] = []
    path = path_of("path", path)
    options: Any = {"dt_ms": dt_ms, "ms_per_unit": ms_per_unit, "labels_max": labels_max}
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            rows = _each_once(_parquet_rows(path, columns, notes.append))
            return events_of(rows, notes=notes, **options)
        with path.open("rb") as lines:
            return events_of(_each_once(text_rows(lines, columns, notes.append)), notes=notes, **options)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror or error}); give a file of events"
        ) from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def live_rows(lines: Iterable[bytes], columns: Columns, note: Note) -> Iterator[Row]:
    """Yield the event of each line as soon as the line is there; ``lines`` is ``sys.stdin.buffer``, say.

    A last line without its end was cut off, unless it is a whole JSON object: it is left out, with a note.
    """

    def whole() -> Iterator[bytes]:
        for line in lines:
            if line.endswith(b"\n") or _is_object(line):
                yield line
            else:
                note(f"the last line was cut off and is left out: {short(line.decode(errors='replace'))}")

    return text_rows(whole(), columns, note)


def text_rows(lines: Iterable[bytes], columns: Columns, note: Note) -> Iterator[Row]:
    """Yield the events of lines of JSON, or of a header and its rows; empty lines mean nothing."""
    text = _decoded(lines)
    for skipped, line in enumerate(text):
        if line.strip():
            read = _json_rows if line.lstrip().startswith("{") else _table_rows
            yield from read(chain([line], text), skipped, columns, note)


def row_of(time: Any, label: Any, sequence: Any = None, row: int = 0) -> Row:
    """Check the values of an event: a date and time counts in ms."""
    sequence = None if sequence is None else _name("sequence", sequence, row)
    return Row(_time(time, row), _name("label", label, row), sequence, row)


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    for row, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if row == 1 else "utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise UserError(
                f"row {row}: {short(line)} is not text in UTF-8; give CSV, TSV, JSON lines or a .parquet file"
            )
        yield text


def _table_rows(lines: Iterable[str], skipped: int, columns: Columns, note: Note) -> Iterator[Row]:
    lines = iter(lines)
    header = next(lines)
    reader = csv.reader(chain([header], lines), delimiter=max(",;\t", key=header.count), strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        places = [None if name is None else names.index(name) for name in _chosen(names, columns, note)]
        for fields in reader:
            row = skipped + reader.line_num
            if fields and len(fields) != len(names):
                raise UserError(
                    f"row {row}: {len(fields)} fields, {short(fields)}; the header has {len(names)}; "
                    "give every row as many"
                )
            if fields:
                yield _picked(fields, places, row)
    except csv.Error as error:
        raise UserError(
            f"row {skipped + reader.line_num}: not a row of a table ({error}); mend its quotes and line ends"
        ) from None


def _json_rows(lines: Iterable[str], skipped: int, columns: Columns, note: Note) -> Iterator[Row]:
    chosen: Sequence[str | None] | None = None
    for row, line in enumerate(lines, skipped + 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"row {row}: {short(line.strip())} is not JSON ({error}); give one object a line"
            ) from None
        if not isinstance(found, dict):
            raise UserError(
                f'row {row}: {short(found)} is not an object; write {{"time": 1, "label": "A"}} on each line'
            )
        chosen = chosen or _chosen(list(found), columns, note)
        missing = [name for name in chosen if name is not None and name not in found]
        if missing:
            raise UserError(
                f"row {row}: {missing[0]!r} is missing; there are {short(list(found))}; give it in every row"
            )
        yield _picked(found, chosen, row)


def _parquet_rows(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    try:
        from pyarrow import parquet
    except ImportError:
        raise UserError(
            f"reading Parquet {needs_package('pyarrow', 'parquet')}; or save the events as CSV"
        ) from None
    try:
        chosen = _chosen(parquet.read_schema(path).names, columns, note)
        wanted = [name for name in chosen if name is not None]
        table = parquet.read_table(path, columns=wanted)
        values = [_listed(table.column(name)) for name in wanted]
    except (OSError, UserError):
        raise
    except Exception as error:  # A damaged file makes pyarrow raise many things.
        raise UserError(
            f"cannot be read as Parquet ({short(str(error))}); write the file again, or give CSV"
        ) from None
    places = [None if name is None else wanted.index(name) for name in chosen]
    for row, fields in enumerate(zip(*values, strict=True), 1):
        yield _picked(fields, places, row)


def _listed(column: Any) -> list[Any]:
    """Return a column as Python's values; time stamps are cut to what Python's hold, microseconds."""
    import pyarrow

    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp("us", column.type.tz and "UTC"), safe=False)
    return list(column.to_pylist())


def _picked(values: Any, keys: Sequence[Any], row: int) -> Row:
    """Take an event out of the values of a row; a label of None is that there is no such column."""
    time, label, sequence = keys
    name = ONLY_LABEL if label is None else values[label]
    if sequence is None:
        return row_of(values[time], name, None, row)
    return row_of(values[time], name, "" if values[sequence] is None else values[sequence], row)


def _chosen(names: Sequence[str], columns: Columns, note: Note) -> list[str | None]:
    """Return the names of the columns of time, label and sequence; None where there is none."""
    time = _column("time", columns.time, TIMES, names, note)
    label = sequence = None
    if columns.label is None and len(names) == 1:
        note(f"there are times alone: every event is called {ONLY_LABEL!r} (--label)")
    else:
        label = _column("label", columns.label, LABELS, names, note)
    if columns.sequence is not None:
        sequence = _column("sequence", columns.sequence, (), names, note)
    return [time, label, sequence]


def _column(role: str, asked: str | None, likely: Sequence[str], names: Sequence[str], note: Note) -> str:
    there = [short(name)[1:-1] for name in names[:20]]
    if asked is not None:
        if asked not in names:
            raise UserError(f"--{role} {asked!r}: there is no such column; {one_of(asked, there)}")
        return asked
    known = {name.lower(): name for name in reversed(names)}
    found = next((known[name] for name in likely if name in known), None)
    if found is None:
        raise UserError(
            f"no column is called {', '.join(likely)}; there are: {', '.join(there)}; "
            f"name the column with --{role} NAME (a table needs a header)"
        )
    note(f"{role}: column {found!r} (--{role})")
    return found


def _time(value: Any, row: int) -> int | float:
    given = value
    if isinstance(value, str):
        value = _parsed(value.strip())
    if isinstance(value, datetime):
        since = (value if value.tzinfo else value.replace(tzinfo=timezone.utc)) - _EPOCH
        value = since / timedelta(milliseconds=1)
    if isinstance(value, Integral) and not isinstance(value, bool) and abs(int(value)) < 2**63:
        return int(value)
    if isinstance(value, Integral) or not isinstance(value, Real) or not math.isfinite(value):
        raise UserError(
            f"row {row}: time {short(given)} is not a finite number nor a date and time "
            "(2026-01-31T12:00:00); mend it, or name another column with --time"
        )
    return float(value)


def _parsed(text: str) -> Any:
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))
    except ValueError:
        return None


def _name(role: str, value: Any, row: int) -> str:
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    text = str(value).strip() if number or isinstance(value, str) else ""
    if not text:
        raise UserError(
            f"row {row}: {role} {short(value)} is neither a text nor a number; give one, or name another "
            f"column with --{role}"
        )
    return text


def _each_once(rows: Iterable[Row]) -> Iterator[Row]:
    """Refuse a sequence that comes back after another: its events would be taken for a new one."""
    seen: set[str | None] = set()
    last: str | None = None
    for row in rows:
        if row.sequence != last:
            if row.sequence in seen:
                raise UserError(
                    f"row {row.row}: sequence {short(row.sequence)} comes back after another one; put the "
                    "rows of a sequence together (sort by sequence, then by time)"
                )
            seen.add(row.sequence)
            last = row.sequence
        yield row


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
