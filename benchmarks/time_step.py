"""How far rates and first spikes of a cell depend on the time step.

Prints, for single cells under constant current, the rate over 2 s and the time of the first spike at
steps of 1, 0.5 and 0.1 ms against 0.01 ms; then the same for all cells of a preset, uncoupled and
without noise. Every cell goes through the network's own kernel. Units: ms, mV, Hz, and the current
units of Izhikevich 2003 (mV per ms).

    python benchmarks/time_step.py [--figure time-step.png]
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from frame import parser_of
from numpy.typing import NDArray

from lava_predict import draw_network, load_preset
from lava_predict.analysis import FIRING_PATTERNS, Cell, simulate_float
from lava_predict.numerics import values_of

Floats = NDArray[np.float64]

CURRENTS = np.array([3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0])
"""12 constant currents; the biases of the `robust` preset lie in 3.5 .. 6, its cue adds 15 .. 30."""

STEPS_MS = (1.0, 0.5, 0.1)
REFERENCE_MS = 0.01
CHECK_MS = 0.005
DURATION_MS = 2000.0


class Firing(NamedTuple):
    """Rate over the whole run, Hz, and time of the first spike, ms (NaN: none), of every cell."""

    rate: Floats
    first_ms: Floats


def single_cells() -> list[Cell]:
    """Two of the 2003 paper's cells, and four from the spread of the robust preset."""
    cells = []
    for name in ("regular spiking", "fast spiking"):
        pattern = FIRING_PATTERNS[name]
        cells.append(Cell(name, pattern.a, pattern.b, pattern.c, pattern.d))
    reservoir = load_preset("robust").reservoir
    for name, kind, r_a, r in (
        ("robust E, slowest recovery, middle c and d", reservoir.excitatory, 0.0, 0.5),
        ("robust E, slowest recovery, bursting end", reservoir.excitatory, 0.0, 1.0),
        ("robust E, middle of a, c and d", reservoir.excitatory, 0.5, 0.5),
        ("robust I, middle of a and b", reservoir.inhibitory, 0.5, 0.5),
    ):
        a = float(values_of(kind.a, np.array(r_a)))
        b, c, d = (float(values_of(spread, np.array(r))) for spread in (kind.b, kind.c, kind.d))
        cells.append(Cell(name, a, b, c, d))
    return cells


def drive(parameters: Floats, current: Floats, dt_ms: float) -> Firing:
    """Run uncoupled cells under constant currents.

    ``parameters``, a, b, c and d, are (4, ...), ``current`` is (...); both are broadcast to the results.
    """
    shape = np.broadcast_shapes(parameters.shape[1:], current.shape)
    a, b, c, d = np.broadcast_to(parameters, (4, *shape)).reshape(4, -1)
    driven = np.broadcast_to(current, shape).ravel()
    step, cell = simulate_float(a, b, c, d, driven, round(DURATION_MS / dt_ms), dt_ms)
    rate = np.bincount(cell, minlength=driven.size) * (1000.0 / DURATION_MS)
    first_ms = np.full(driven.size, np.nan)
    spiking, first = np.unique(cell, return_index=True)
    first_ms[spiking] = (step[first] + 1.0) * dt_ms
    return Firing(rate.reshape(shape), first_ms.reshape(shape))


def drive_single(cells: list[Cell], dt_ms: float) -> Firing:
    """Drive every cell with every current; the results are (cells, currents)."""
    parameters = np.array([[getattr(cell, name) for cell in cells] for name in "abcd"])
    return drive(parameters[:, :, None], CURRENTS, dt_ms)


def deviation(value: float, reference: float) -> str:
    """Relative deviation in per cent, as text."""
    if math.isnan(value) or math.isnan(reference) or reference == 0.0:
        return "-"
    return f"{100.0 * (value / reference - 1.0):+.1f}%"


def print_table(title: str, unit: str, digits: int, columns: dict[float, Floats]) -> None:
    """Print one quantity of one cell: a row a current, the reference first, then each step's deviation."""

    def text(value: float) -> str:
        return "none" if math.isnan(value) else f"{value:.{digits}f}"

    reference = columns[REFERENCE_MS]
    print(f"{title}, {unit}")
    header = f"{'I':>6} {f'dt {REFERENCE_MS:g}':>10}"
    print((header + "".join(f" {f'dt {dt:g}':>10} {'':>8}" for dt in STEPS_MS)).rstrip())
    for row, current in enumerate(CURRENTS):
        line = f"{current:6.1f} {text(reference[row]):>10}"
        for dt in STEPS_MS:
            value = columns[dt][row]
            line += f" {text(value):>10} {deviation(value, reference[row]):>8}"
        print(line)
    print()


def print_preset(preset: str) -> None:
    """Print mean rate and spread of deviations over the cells of a preset, uncoupled."""
    config = load_preset(preset)
    network = draw_network(config)
    extras = (0.0, 0.75 * config.reservoir.cue_current)
    current = np.array([network.cells.bias + extra for extra in extras])
    parameters = np.array(network.cells[:4])[:, None]
    by_step = {dt: drive(parameters, current, dt) for dt in (REFERENCE_MS, *STEPS_MS)}
    print(f"All {network.size} cells of the {preset} preset (seed {config.run.seed}), uncoupled, no noise:")
    print("mean rate over cells, root mean square of the cells' deviations from dt 0.01 ms, median delay of")
    print("the first spike. What is added to the bias is the cue's mean current.")
    for row, extra in enumerate(extras):
        reference = Firing(*(values[row] for values in by_step[REFERENCE_MS]))
        silent = int(np.count_nonzero(reference.rate == 0.0))
        print(f"  bias + {extra:g}, {silent} cells silent")
        print(f"    dt {REFERENCE_MS:<4g} {reference.rate.mean():7.2f} Hz")
        for dt in STEPS_MS:
            rate, first = (values[row] for values in by_step[dt])
            error = math.sqrt(float(np.mean((rate - reference.rate) ** 2)))
            print(
                f"    dt {dt:<4g} {rate.mean():7.2f} Hz {deviation(rate.mean(), reference.rate.mean()):>8}"
                f"   rms {error:6.2f} Hz   first spike {np.nanmedian(first - reference.first_ms):+6.2f} ms"
            )
    print()


def write_figure(path: Path, cells: list[Cell], by_step: dict[float, Firing]) -> None:
    """Draw f-I curves and first-spike times of the first three cells."""
    from lava_predict.reports import new_figure, point_style, strip

    shown = 3
    figure = new_figure(10.0, 6.0)
    panels = figure.subplots(2, shown, sharex=True)
    for column, (above, below) in enumerate(panels.T):
        for number, (dt, firing) in enumerate(by_step.items()):
            look = {**point_style(number), "fillstyle": "none"}
            strip(above).plot(CURRENTS, firing.rate[column], label=f"dt {dt:g} ms", **look)
            strip(below).plot(CURRENTS, firing.first_ms[column], **look)
        above.set_title(cells[column].name, fontsize=9)
        below.set_yscale("log")
        below.set_yticks([1, 2, 5, 10, 20, 50], labels=["1", "2", "5", "10", "20", "50"])
        below.minorticks_off()
        below.set_xlabel("current (mV/ms)")
    panels[0, 0].set_ylabel("rate over 2 s (Hz)")
    panels[1, 0].set_ylabel("first spike (ms)")
    panels[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--figure", type=Path, metavar="PATH", help="write a figure there, as .png or .pdf")
    arguments = parser.parse_args()

    cells = single_cells()
    by_step = {dt: drive_single(cells, dt) for dt in (REFERENCE_MS, *STEPS_MS)}
    for row, cell in enumerate(cells):
        print(f"{cell.name}: a = {cell.a:.4g}, b = {cell.b:g}, c = {cell.c:g}, d = {cell.d:g}")
        print_table("Rate over 2 s", "Hz", 1, {dt: firing.rate[row] for dt, firing in by_step.items()})
        print_table("First spike", "ms", 2, {dt: firing.first_ms[row] for dt, firing in by_step.items()})

    reference, check = by_step[REFERENCE_MS], drive_single(cells, CHECK_MS)
    print(
        f"The reference itself: between {REFERENCE_MS:g} and {CHECK_MS:g} ms rates differ by at most "
        f"{np.max(np.abs(reference.rate - check.rate)):.1f} Hz, first spikes by at most "
        f"{np.nanmax(np.abs(reference.first_ms - check.first_ms)):.2f} ms\n"
    )
    for preset in ("robust", "paper"):
        print_preset(preset)
    if arguments.figure is not None:
        write_figure(arguments.figure, cells, by_step)


if __name__ == "__main__":
    main()
