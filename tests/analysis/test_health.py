"""The health check tells a user what integers have done to the network."""

import pytest

from lava_predict import Experiment, load_preset
from lava_predict.analysis.integer_health import check_health, saturation_warnings
from lava_predict.network import fixed_step
from lava_predict.network.arithmetic import parts_of


def small(*settings: str) -> Experiment:
    return Experiment(load_preset("smoke", ["task.settle_ms=3000", *settings]), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["smoke", "robust", pytest.param("paper", marks=pytest.mark.long)])
def test_the_default_plan_is_healthy(preset: str) -> None:
    health = check_health(Experiment(load_preset(preset), seed=1))
    assert health.warnings == ()
    assert health.rate_hz == pytest.approx(health.float_rate_hz, rel=0.05)
    assert health.silent_share <= health.float_silent_share + 0.02
    assert health.rate_correlation > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "named"),
    [
        (
            "fixed.fraction_bits=20",
            ["lower fixed.fraction_bits", "v hit its bounds", "current hit its bounds"],
        ),
        ("fixed.weight_bits=2", ["became zero", "raise fixed.weight_bits"]),
        ("fixed.decay_bits=4", ["decay of s", "raise fixed.decay_bits"]),
        ("fixed.parameter_bits=3", ["a dt", "decay of x", "raise fixed.parameter_bits"]),
        ("readout.tau_m_ms=11000", ["slow mean", "readout.tau_m_ms"]),
        pytest.param(
            "readout.rule=gated_delta fixed.decay_bits=4",
            ["decay of x", "raise fixed.decay_bits"],
            marks=pytest.mark.long,
        ),
        pytest.param(
            "readout.rule=gated_delta fixed.trace_bits=8",
            ["trace gain", "raise fixed.trace_bits"],
            marks=pytest.mark.long,
        ),
    ],
)
def test_what_a_user_forces_is_said_and_what_to_do(setting: str, named: list[str]) -> None:
    warnings = "\n".join(map(str, check_health(small(*setting.split())).warnings))
    for text in named:
        assert text in warnings


@pytest.mark.slow
def test_a_network_that_falls_silent_is_named() -> None:
    health = check_health(small("fixed.fraction_bits=20"))
    assert health.silent_share > 0.3 > health.float_silent_share
    assert any("of the cells are silent" in str(warning) for warning in health.warnings)
    assert any(f"in float at {health.float_rate_hz:.2f} Hz" in str(warning) for warning in health.warnings)


@pytest.mark.slow
def test_a_runs_own_saturations_count() -> None:
    experiment = small(
        "readout.rule=gated_delta",
        "fixed.readout_fraction_bits=23",
        "run.probe_trials=[]",
        "task.blocks=[{trials=4, probability=[0.7, 0.3], latency_ms=[300, 600]}]",
    )
    result = experiment.run(precision="fixed")
    assert result.saturations["w_when"] > 0
    said = f"w_when hit its bounds {result.saturations['w_when']} times; lower fixed.readout_fraction_bits"
    assert said in map(str, check_health(experiment, result).warnings)
    assert said not in map(str, check_health(experiment).warnings)  # the first trial's alone are fewer


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["smoke", pytest.param("robust", marks=pytest.mark.long)])
def test_nothing_saturates_in_a_default_run(preset: str) -> None:
    result = Experiment(load_preset(preset), seed=1).run(precision="fixed")
    assert set(result.saturations) >= {"v", "u", "s"}
    assert not any(result.saturations.values())


@pytest.mark.parametrize("rule", ["annealed_delta", "gated_delta"])
def test_every_counter_has_a_remedy(rule: str) -> None:
    for neuron in ("izhikevich", "adaptive_lif"):
        config = load_preset("smoke", [f"reservoir.neuron={neuron}", f"readout.rule={rule}"])
        names = fixed_step.saturating(*parts_of(config))
        said = saturation_warnings(dict.fromkeys(names, 3))
        assert [warning.cause.split()[0] for warning in said] == list(names)
        assert all(warning.remedy for warning in said)
        assert saturation_warnings(dict.fromkeys(names, 0)) == []
