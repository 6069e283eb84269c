"""Time a stream learned in Lava beside the cpu, in turn, and compare their digests.

python benchmarks/lava_streams.py [--events 100] [--repeats 10] [--cells 1000] [--set stream.times=false]
"""

from __future__ import annotations

from contextlib import closing

from frame import parser_of, timed

from lava_predict import load_preset
from lava_predict.engines import LavaStream
from lava_predict.events import Event, Row, events_of
from lava_predict.streams import StreamNetwork
from lava_predict.tasks import grammar


def events(number: int) -> list[Event]:
    """Return the events of a stream of `grammar`, and one sequence of two events before it."""
    made = grammar(number, 100).events
    rows = [Row(0, "A", "warm"), Row(300, "A", "warm")]
    rows += [Row(time, made.labels[label]) for time, label in zip(made.time, made.label, strict=True)]
    found = events_of(rows, ms_per_unit=made.ms_per_unit)
    columns = (found.step, found.label, found.sequence, found.gap)
    return [Event(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    settings = [f"reservoir.neurons={arguments.cells}", *arguments.set]
    networks = [StreamNetwork(load_preset("stream", settings)) for _ in range(2)]
    stream, each = events(arguments.events * arguments.repeats), arguments.events
    with closing(LavaStream(networks[1])) as lava:
        players = {"cpu": networks[0], "lava": lava}
        for player in players.values():
            list(player.play(stream[:2]))  # compiles
        wall_s: dict[str, list[float]] = {name: [] for name in players}
        for first in range(2, len(stream), each):
            for name, player in players.items():
                chunk = stream[first : first + each]
                wall_s[name].append(timed(lambda player=player, chunk=chunk: list(player.play(chunk)))[0])
        gathered_s = min(timed(lava.gather)[0] for _ in range(10))
    assert networks[0].digest == networks[1].digest
    assert networks[0].weights_digest() == networks[1].weights_digest()
    ratio = sorted(b / a for a, b in zip(*wall_s.values(), strict=True))
    print(f"{arguments.cells} cells; {arguments.repeats} runs of {each} events")
    for name, walls in wall_s.items():
        middle = sorted(walls)[len(walls) // 2]
        print(f"{name:5} {each / middle:8.0f} events/s, at best {each / min(walls):.0f}")
    print(f"lava / cpu: {ratio[len(ratio) // 2]:.2f}, median")
    print(f"all that is learned comes back in {1e3 * gathered_s:.1f} ms")


if __name__ == "__main__":
    main()
