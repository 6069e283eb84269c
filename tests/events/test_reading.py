"""Reading events: one stream in every format, what is refused, and files that were mangled."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lava_predict.errors import UserError
from lava_predict.events import Columns, Row, events_of, live_rows, read_events

CSV = 'time,label,tune\n0.5,A,1\n1.25,"B, sharp",1\n\n2,A,2\n'
ROWS = [Row(0.5, "A", "1", 2), Row(1.25, "B, sharp", "1", 3), Row(2, "A", "2", 5)]
JSON = "".join(
    json.dumps({"label": row.label, "tune": int(row[2] or 0), "time": row.time}) + "\n" for row in ROWS
)
GUESSED, SEQUENCE = Columns(), Columns(sequence="tune")
A = '{"time": 1, "label": "A"}\n'


def live(text: str | bytes, columns: Columns = GUESSED) -> tuple[list[Row], list[str]]:
    notes: list[str] = []
    data = text.encode() if isinstance(text, str) else text
    return list(live_rows(io.BytesIO(data), columns, notes.append)), notes


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("a.tsv", CSV.replace('"B, sharp"', "B; sharp").replace(",", "\t").replace("B;", "B,")),
        ("a.csv", CSV.replace(",", ";").replace("B;", "B,")),
        ("a.csv", " Time , x, label,tune\n0.5,,A,1\n1.25,7,\"B, sharp\",1\n2,?, A ,2\n"),
        ("a.jsonl", JSON),
        ("a.ndjson", "\n" + JSON.rstrip("\n")),
    ],
)  # fmt: skip
def test_one_stream_in_every_text_format(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    found = read_events(path, SEQUENCE, ms_per_unit=100.0)
    assert found.time.tolist() == [0.5, 1.25, 2.0]
    assert found.labels == ("A", "B, sharp")
    assert found.label.tolist() == [0, 1, 0]
    assert found.sequence.tolist() == [0, 0, 1]
    assert found.step.tolist() == [0, 75, 0]
    assert found.notes[0].lower() == "time: column 'time' (--time)"


@pytest.mark.parametrize("stamps", ["none", "naive", "utc"])
def test_parquet(tmp_path: Path, stamps: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    time = pyarrow.array([500, 1250, 2000], None if stamps == "none" else pyarrow.timestamp("ns", stamps[5:]))
    if stamps != "none":
        time = pyarrow.array([500_000_001, 1_250_000_000, 2_000_000_000]).cast(
            pyarrow.timestamp("ns", "UTC" if stamps == "utc" else None)
        )
    table = {"t": time, "event": pyarrow.array(["A", "B", "A"]).dictionary_encode(), "other": [1, 2, None]}
    parquet.write_table(pyarrow.table(table), tmp_path / "a.parquet")
    found = read_events(tmp_path / "a.parquet", ms_per_unit=1.0)
    assert found.labels == ("A", "B")
    assert found.step.tolist() == [0, 750, 1500]
    assert found.time[1] == 1250.0


@pytest.mark.parametrize("text", [CSV, JSON])
def test_live_rows_are_those_of_the_file(text: str) -> None:
    found, notes = live(text, SEQUENCE)
    assert [row[:3] for row in found] == [row[:3] for row in ROWS]
    assert notes == ["time: column 'time' (--time)", "label: column 'label' (--label)"]


@pytest.mark.parametrize(
    "text", ["time,label\n1,A\n2,B\n", '{"time": 1, "label": "A"}\n{"time": 2, "label": "B"}\n']
)
def test_live_rows_come_before_the_next_line_is_asked_for(text: str) -> None:
    given = []

    def lines() -> Iterator[bytes]:
        for line in text.encode().splitlines(keepends=True):
            given.append(line)
            yield line

    head = text.startswith("time")
    found = live_rows(lines(), GUESSED, str)
    for number in (1, 2):
        assert next(found).time == number
        assert len(given) == number + head


@pytest.mark.parametrize("text", [CSV, JSON])
def test_a_live_stream_cut_anywhere_keeps_what_came_before(text: str) -> None:
    first = text.index("\n") + 1
    for end in range(first, len(text) + 1):
        cut = text[:end]
        found, notes = live(cut, SEQUENCE)
        whole = cut[: cut.rindex("\n") + 1]
        left = cut[len(whole) :]
        if left.startswith("{") and left.endswith("}"):
            whole, left = cut, ""
        assert found == live(whole, SEQUENCE)[0]
        assert len(notes) == 2 + bool(left)
        assert not left or "the last line was cut off" in notes[-1]


def test_times_alone_are_events_of_one_label(tmp_path: Path) -> None:
    (tmp_path / "spikes.csv").write_text("t\n1\n2.5\n")
    found = read_events(tmp_path / "spikes.csv")
    assert found.labels == ("event",)
    assert "there are times alone: every event is called 'event' (--label)" in found.notes


@pytest.mark.parametrize(
    ("first", "second", "gap_ms"),
    [
        ("2026-01-31 12:00:00", "2026-01-31 12:00:01.500", 1500),
        ("2026-01-31T12:00:00Z", "2026-01-31T13:00:01+01:00", 1000),
        ("2026-01-31", "2026-02-01", 86_400_000),
    ],
)
def test_dates_and_times_count_in_ms(tmp_path: Path, first: str, second: str, gap_ms: int) -> None:
    (tmp_path / "log.csv").write_text(f"timestamp,event\n{first},A\n{second},B\n")
    assert read_events(tmp_path / "log.csv", ms_per_unit=1.0).gap.tolist() == [-1, gap_ms]


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("", GUESSED, "no events: at least two are needed"),
        ("\n\n", GUESSED, "no events"),
        ("time,label\n", GUESSED, "no events"),
        ("time,label\n1,A\n", GUESSED, "1 event: at least two"),
        ("time,label\n1,A\n0,B\n", GUESSED, "row 3: time 0 is before the 1 of the event before"),
        ("time,label\n1,A\nsoon,B\n", GUESSED, "row 3: time 'soon' is not a finite number .*--time"),
        ("time,label\n1,A\nnan,B\n", GUESSED, "row 3: time 'nan'"),
        ("time,label\n1,A\n1e999,B\n", GUESSED, "row 3: time '1e999'"),
        ("time,label\n1,A\n1_0,B\n", GUESSED, "row 3: time '1_0'"),
        ("time,label\n1,A\n,B\n", GUESSED, "row 3: time ''"),
        ("time,label\n1,A\n2, \n", GUESSED, "row 3: label ' ' is neither a text nor a number.*--label"),
        ("time,label\n1,A\n2\n", GUESSED, r"row 3: 1 fields, \['2'\]; the header has 2"),
        ("time,label\n1,A\n2,B,C\n", GUESSED, "row 3: 3 fields"),
        ('time,label\n1,A\n2,"B\n', GUESSED, "row 3: not a row of a table .* quotes"),
        ("time,label\n1,A\n2,B\rC,D\n", GUESSED, "row 3: not a row of a table"),
        ("0.5,A\n1,B\n", GUESSED, r"no column is called time, .*; there are: 0.5, A; .*--time .*header"),
        ("time,what\n1,A\n2,B\n", GUESSED, "no column is called label, .*: time, what; .*--label"),
        ("t,label\n1,A\n2,B\n", Columns(time="when"), "--time 'when': .* allowed: t, label"),
        ("t,label\n1,A\n2,B\n", Columns(label="lable"), "--label 'lable': .*did you mean 'label'"),
        ("t,label\n1,A\n2,B\n", SEQUENCE, "--sequence 'tune': there is no such column"),
        ("t,label,tune\n1,A,x\n1,B,y\n2,A,x\n", SEQUENCE, "row 4: sequence 'x' comes back .*sort by"),
        ("t,label,tune\n1,A,x\n1,B,\n", SEQUENCE, "row 3: sequence '' is neither"),
        (A + '{"time": 2, "label"\n', GUESSED, "row 2: .* is not JSON .*one object a line"),
        (A + '[2, "B"]\n', GUESSED, r"row 2: \[2, 'B'\] is not an object"),
        (A + '{"time": 2}\n', GUESSED, r"row 2: 'label' is missing; there are \['time'\]"),
        (A + '{"time": true, "label": "B"}\n', GUESSED, "row 2: time True is not"),
        (A + '{"time": NaN, "label": "B"}\n', GUESSED, "row 2: time nan is not"),
        (A + '{"time": 1' + 400 * "0" + ', "label": "B"}\n', GUESSED, "row 2: time 1000"),
        (A + '{"time": 2, "label": null}\n', GUESSED, "row 2: label None is neither"),
        (A + '{"time": 2, "label": ["B"]}\n', GUESSED, r"row 2: label \['B'\] is neither"),
        (A + 9**6 * "[" + "\n", GUESSED, "row 2: .* is not JSON"),
        ('{"time": 1, "label": "A", "tune": null}\n', SEQUENCE, "row 1: sequence '' is neither"),
        ("time,label\n1,A\n2,\0\n", GUESSED, "row 3: .* is not text in UTF-8; give CSV"),
    ],
)  # fmt: skip
def test_refused_with_row_value_and_remedy(tmp_path: Path, text: str, columns: Columns, said: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text, newline="")
    with pytest.raises(UserError, match=said) as refusal:
        read_events(path, columns)
    assert str(refusal.value).startswith(f"{path}: ")
    assert len(str(refusal.value)) < len(str(path)) + 400


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0", "row 1: .*is not text in UTF-8"),
        ("a.csv", "time,label\n1,caf\xe9\n".encode("latin-1"), "row 2: .*is not text in UTF-8"),
        ("a.parquet", b"PAR1 and then nothing", "cannot be read as Parquet .* write the file again"),
        ("a.parquet", b"", "cannot be read as Parquet"),
    ],
)
def test_binary_files_are_refused(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=said):
        read_events(tmp_path / name)


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet", "folder", "folder.parquet"])
def test_what_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=r"cannot be read \("):
        read_events(tmp_path / name)


def test_parquet_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"package pyarrow, .* with `uv sync --extra parquet`"):
        read_events(tmp_path / "a.parquet")


PIECES = st.sampled_from(
    [b"\n", b"\r", b",", b'"', b"{", b"}", b":", b"\0", b"\xff", b"e", b"9", b"-", b"T", b"nan"]
)


@pytest.mark.slow
@settings(deadline=None)
@example(b"t\n" + 2 * b"0001-01-01T00:00:00+23:59\n", [])
@example(b"{}\n", [])
@given(
    st.sampled_from([CSV.encode(), JSON.encode(), b"t\n1\n2\n"]) | st.binary(max_size=50),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 3), PIECES | st.binary(max_size=3)), max_size=6),
)
def test_mangled_input_is_read_or_refused_but_never_breaks(
    data: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    for place, length, piece in changes:
        data = data[:place] + piece + data[place + length :]
    for columns in (GUESSED, SEQUENCE):
        try:
            rows, notes = live(data, columns)
        except UserError:
            continue
        assert all(row.label and abs(row.time) < float("inf") for row in rows)
        assert len(notes) <= 3
        with contextlib.suppress(UserError):
            assert len(events_of(rows)) == len(rows)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4))
def test_mangled_parquet_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, bytes]]
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path_factory.mktemp("mangled") / "a.parquet"
    parquet.write_table(pyarrow.table({"time": [1, 2], "label": ["A", "B"]}), path)
    data = path.read_bytes()
    for place, piece in changes:
        data = data[:place] + piece + data[place + len(piece) :]
    path.write_bytes(data)
    with contextlib.suppress(UserError):
        read_events(path)
