"""Studies and criteria of the claim on geometry against planted weights and runs of their own."""

from __future__ import annotations

import numpy as np
import pytest

from lava_predict import Config, Experiment, load_preset
from lava_predict.analysis.geometry import smallest_angles
from lava_predict.experiment.recorded_spikes import Replay
from lava_predict.learning.on_traces import Chunk
from lava_predict.learning.what import Reading
from lava_predict.reproduction import conditions
from lava_predict.reproduction.claim import Verdict, judge
from lava_predict.reproduction.claims import geometry
from lava_predict.reproduction.studies.blocks import block_ends, trials_before
from lava_predict.reproduction.studies.geometry import InCondition, StateMoments, endpoints, visited_states
from lava_predict.tasks import Kind, Segment
from lava_predict.tasks.meet import Meet
from lava_predict.work.unit import Found, carry_out_unit

CROSSED = {
    "probability": np.tile(conditions.LEVELS, 3),
    "latency": np.repeat([0, 1, 2], conditions.LEVELS.size),
}


@pytest.fixture(scope="module")
def small() -> Config:
    blocks = "task.blocks=[{trials=4, probability=[0.5, 0.5], latency_ms=[300, 600]}]"
    even = ["task.pause_ms=[300, 300]", "task.settle_ms=400", "run.probe_repeats=1"]
    return load_preset("smoke", ["reservoir.neurons=60", blocks, *even])


def planted(what_size: float, when_size: float, noise: float = 0.01) -> Found:
    """End weights of which what are moved by probability alone, when by latency alone."""
    rng = np.random.default_rng(1)
    cells, events = 20, 2
    direction = np.linalg.qr(rng.normal(size=(events * cells, 3)))[0].T
    what = what_size * np.outer(CROSSED["probability"] - 0.5, direction[0])
    when = when_size * np.array([[0, 0], [1, 0], [0, 1]])[CROSSED["latency"]] @ direction[1:]
    what, when = (part + noise * rng.normal(size=part.shape) for part in (what, when))
    w_when = np.concatenate([when.reshape(-1, events, cells), np.full((33, events, 1), 1e6)], axis=2)
    return CROSSED | {"w_what": what.reshape(-1, events, cells), "w_when": w_when}


def planted_course(ends: Found, matching: list[int], fall: list[float]) -> Found:
    """A course of which each block goes, in a straight line, from the former endpoint so near to its own."""
    probes, blocks = len(fall), len(conditions.FOUR_BLOCKS)
    start = {name: np.zeros_like(ends[name][0]) for name in ("w_what", "w_when")}
    way: dict[str, list[np.ndarray]] = {name: [] for name in start}
    for own in matching:
        for name, from_here in start.items():
            way[name] += [rest * from_here + (1 - rest) * ends[name][own] for rest in fall]
        start = {name: way[name][-1] for name in way}
    return {name: np.array(rows) for name, rows in way.items()} | {
        "block": np.repeat(np.arange(blocks), probes),
        "trials": np.tile(np.arange(probes) * 10, blocks),
        "probability": np.array([probability for probability, _ in conditions.FOUR_BLOCKS]),
        "latency_ms": np.array([latency_ms for _, latency_ms in conditions.FOUR_BLOCKS]),
    }


@pytest.mark.slow
def test_a_condition_learned_beside_others_is_that_of_a_run_of_its_own(small: Config) -> None:
    found = endpoints(small, [0.2, 0.9], [[300.0, 600.0], [450.0, 750.0]])
    np.testing.assert_array_equal(found["probability"], [0.2, 0.9, 0.2, 0.9])
    np.testing.assert_array_equal(found["latency"], [0, 0, 1, 1])
    # All pauses are equally long, so that a run with the same draws has the same reservoir.
    draws = {"noise": small.run.draws.noise + 1, "task": small.run.draws.task + 1 + 3}
    own = conditions.with_blocks(
        small,
        small.run.seed,
        ("run", "draws", draws),
        ("run", "probe_trials", []),
        blocks=[((0.9, 0.1), (450.0, 750.0))],
    )
    probe = Experiment(own).run().state.probes[-1]
    assert np.abs(probe.w_when).max() > 0
    np.testing.assert_allclose(found["w_when"][3], probe.w_when, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found["w_what"][3], probe.w_what, rtol=1e-9, atol=1e-15)


def test_a_rule_in_the_condition_that_is_played_is_the_rule_itself(small: Config) -> None:
    replay = Replay(small)
    found = replay.run({"bare": replay.local_rules(), "in": InCondition(replay.local_rules(), replay.task)})
    for bare, inside in zip(found["bare"], found["in"], strict=True):
        np.testing.assert_array_equal(bare.w_when, inside.w_when)
        np.testing.assert_array_equal(bare.w_what, inside.w_what)
        np.testing.assert_array_equal(bare.z, inside.z)


def test_moments_are_of_every_tenth_step_however_it_is_cut(small: Config) -> None:
    meet = Meet(small)
    segment = meet.trial(0, 0)[-1]
    streams = meet.streams(segment)
    rng = np.random.default_rng(3)
    x, x_mean = rng.random((segment.steps, 60)), rng.random(60)
    xc, cue = x - 0.5, np.zeros(segment.steps, np.int64)
    moments = StateMoments(small)
    for part in np.split(np.arange(segment.steps), [3, 17, 500]):
        chunk = Chunk(int(part[0]), x[part], xc[part], streams.gate[part], streams.target[part], cue[part])
        moments.step(segment, chunk)
        moments.step(Segment(Kind.PAUSE, segment.steps, 0, 0, 0), chunk)
    moments.end(segment, Reading(x_mean, 0, 0))
    expected = sum(
        streams.gate[step].sum() * np.outer(xc[step], xc[step]) for step in range(0, segment.steps, 10)
    )
    np.testing.assert_allclose(moments.when, expected)
    np.testing.assert_allclose(moments.what, np.outer(x_mean, x_mean))


@pytest.mark.slow
def test_visited_states_are_fewer_dimensions_than_cells(small: Config) -> None:
    found = visited_states(small)
    # Four trials have at most four mean traces.
    assert 1 <= found["dimensions"][0] <= 4
    assert 1 <= found["dimensions"][1] < 60
    assert found["angle"].mean() < found["angle_anywhere"].mean()
    assert found["cosine"].mean() > found["cosine_anywhere"].mean()


@pytest.mark.slow
@pytest.mark.parametrize(("what_size", "component"), [(10.0, 1), (0.5, 3)])
def test_the_size_of_the_what_weights_decides_which_component_sorts_by_probability(
    what_size: float, component: int
) -> None:
    ends = planted(what_size, 1.0)
    found = geometry.sorting(ends)
    assert found["component"][0] == component
    assert (found["probability"][0] > 0.9) == (component == 1)
    assert found["probability"][1] < 0.5
    equal = geometry.sorting(ends, geometry.sizes(ends))
    assert equal["probability"][0] > 0.9
    assert equal["latency"][0] > 0.9
    assert equal["latency"][1] < 0.3
    assert equal["axes"][0] == pytest.approx(90, abs=5)


def test_nothing_is_said_of_components_if_one_condition_diverged() -> None:
    ends = planted(1.0, 1.0)
    ends["w_when"][5] = np.nan
    assert np.isnan(list(geometry.sorting(ends).values())).all()


def test_weights_that_return_are_found_to() -> None:
    ends = planted(3.0, 1.0)
    matching = [7, 2, 13, 30]
    run = planted_course(ends, matching, [1.0, 0.5, 0.05])
    assert geometry.matching(ends, run).tolist() == matching
    assert block_ends(run).tolist() == [2, 5, 8, 11]
    assert trials_before(run)[[0, 2, 3, 11]].tolist() == [0, 20, 20, 80]
    found = geometry.approach(ends, run)
    assert found["nearest"][0] == 0.0
    assert found["nearest"][1] > 0.1
    stuck = geometry.approach(ends, planted_course(ends, matching, [1.0, 1.0, 0.9]))
    assert stuck["nearest"][0] > 0.1
    assert stuck["distance"][0] > 5 * found["distance"][0]


def test_angles_leave_out_the_constant_input() -> None:
    what = np.array([[[1.0, 0, 0], [0, 1.0, 0]]])
    when = np.array([[[0, 0, 1.0, 50.0], [0, 0, 2.0, -50.0]]])
    rows = geometry.rows({"w_what": what, "w_when": when})
    np.testing.assert_allclose(smallest_angles(*rows), [90])


@pytest.mark.long
def test_the_claim_goes_through_on_the_smallest_network() -> None:
    config = load_preset("smoke")
    done: dict[str, Found] = {}
    seeds = []
    for seed in (1, 2):
        units = geometry.CLAIM.units(config, seed)
        done |= {one.key: carry_out_unit(one) for one in units.values() if one.key not in done}
        seeds.append({name: done[one.key] for name, one in units.items()})
    measured = geometry.CLAIM.measured(seeds)
    assert measured.keys() == {criterion.key for criterion in geometry.CLAIM.criteria}
    assert all(one.ours.shape == (2,) for one in measured.values())
    judged, verdict = judge(geometry.CLAIM, measured)
    assert isinstance(verdict, Verdict)
    for one in judged:
        assert (one.measured.null is not None) == bool(one.criterion.null)
    pictures = geometry.CLAIM.pictures(config, seeds)
    assert [bool(picture.figure.axes) for picture in pictures] == [True] * 3


def test_pictures_are_drawn_of_learners_that_diverged() -> None:
    ends = planted(1.0, 1.0)
    run = planted_course(ends, [7, 2, 13, 30], [1.0, 0.5, 0.05])
    run["w_when"][4:] = np.nan
    ends["w_what"][0] = np.nan
    shared = {name: run[name] for name in ("block", "trials", "probability", "latency_ms")}
    shared |= dict.fromkeys(("truth", "time_ms"), run["trials"])
    rls, uncentred = (
        {f"{rule}: {name}": run[name] for name in ("w_what", "w_when")}
        for rule in ("rls kept", "no centring")
    )
    visited = {"angle": np.array([20.0, 30.0]), "angle_anywhere": np.array([85.0, 89.0])}
    visited["cosine_anywhere"] = np.array([0.02, 0.03])
    found = {
        "blocks": run,
        "no centring": shared | uncentred,
        "baselines": shared | rls,
        "visited": visited,
        "endpoints": ends,
    }
    assert len(geometry.CLAIM.pictures(load_preset("smoke"), [found])) == 3
    assert np.isnan(geometry.CLAIM.measured([found])["nearest"].ours).all()
