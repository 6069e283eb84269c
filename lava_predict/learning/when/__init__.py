"""When rules, with their traces: each module is one rule, whole; `lava_predict.registry.RULES` finds it.

A rule keeps traces of the spikes, reads from them when each event will occur, and learns. What its module
has. N cells, K events, M cues:

``Settings``, ``DEFAULTS``
    The section ``readout``, a subclass of `lava_predict.settings.schema.ReadoutSettings`, and values of its
    own fields that hold when the rule is chosen over another preset's.
``Memory``
    Named tuple of arrays or of such tuples, all that the rule changes; among them ``x``, the traces (N,), and
    ``w``, the weights (C K, inputs), C being the number of ``row_blocks``.
``constants(config)``, ``start(config)``
    What a step needs, as a named tuple, and the memory before the first step.
``scratch(memory)``
    Arrays that ``step`` may write to as it likes.
``step(k, memory, what, z, spiking, count, gate, target, since_cue, learning, scratch, what_drive)``
    Kernel: take the spikes of a step, write the when readout to ``z`` and W_what . x to ``what_drive``, add x
    to ``what.x_sum`` within ``readout.what_window_ms``, and learn if ``learning``: else (a probe) slow means
    and weights are frozen. Returns |xc|^2, or NaN if ``z`` diverged. The head of ``spiking``, (N,) int64, has
    the indices of the ``count`` spiking cells, ascending; ``gate``, 0 .. 1, and ``target``, which ``z``
    should be, are (K,) like ``z`` and ``what_drive``; ``since_cue`` counts the steps since the cue came on,
    below 0 before it and where there is none.
``step_for(config, fixed)``
    Optional: returns ``step``, or ``fixed_step``, without what the settings leave out, as that takes less
    time to compile.
``end_of_trial(memory, segment, z, gate, target, settings)``
    Learn from a whole trial on the host; returns whether weights changed. ``z``, ``gate``, ``target`` are
    (steps, K).
``RESET``
    Fields of the memory that a reset of the reservoir puts back to the start.
``set_norm(memory, norm)``
    Optional: take the mean |xc|^2 of an unlearned trial, where ``readout.when_norm`` is "constant".
``row_blocks(config)``
    Optional: how many blocks of K rows the weights of both readouts have, such as one for each cue that has
    its own. Without it there is one.
``reading(memory, spikes, segment, config)``
    Optional: called on the host at the end of a trial or probe with ``what.x_sum`` in physical units, (N,).
    Returns a `what.Reading`: what the what readout reads, and the block and cue it is of. At the end of a
    trial it may also move slow means. Without it the what readout reads the mean traces of the window, and
    the cue is that of the segment (`what.mean_traces`).

For comparing rules on one reservoir run, optional (`lava_predict.experiment.recorded_spikes`):

``trace_step(k, memory, what, spiking, count, since_cue, learning, xc)``
    Kernel: the part of ``step`` that no weight enters into. It changes all that depends on the spikes alone,
    also ``what.x_sum``, and writes the when readout's input to ``xc``, which then is all of ``scratch``.
    Returns the recognised cue, 0 if the rule recognises none, or `cue_units.UNKNOWN`: then ``z`` is 0.
``learn_step(k, memory, cue, xc, z, norm, gate, target)``
    Kernel: what ``step`` learns after that, of ``norm``, |xc|^2. In a ``memory`` of several blocks of K rows
    of weights, those of ``cue`` are read and change.
``constant_rate(config, rate)``, ``scaled_rate(config, factor)``
    Settings, by name, of the section ``readout`` at which the rule learns at a constant rate, per ms, and at
    its own rates times a factor.

``CHIP``
    Optional: name of the module that takes the place of this one in integers where ``fixed.learning`` is
    "on_chip". It has a function ``check`` as well, which raises a UserError for a configuration whose
    settings the learning engine has no form for.

For integers, in the formats of `lava_predict.numerics.integers`:

``SATURATING``
    What can saturate, each with a counter in ``lost``.
``quantise(planner, config, chip_norm)``
    Returns the constants of a step, and `Scales`: what one unit of the gate, the weights and the norm stand
    for.
``fixed_start(config)``
    The memory before the first step.
``fixed_scratch(memory)`` and kernel ``fixed_step(..., learning, scratch, what_drive, step, step_key, lost)``
    As in float, with the step within the segment, its key, and the counters; ``gate`` comes
    multiplied by the learning rate. ``fixed_step`` returns |xc|^2, or -1 if ``z`` diverged.
``physical(memory, scales)``
    The memory in physical units, float64.
"""

from __future__ import annotations

from typing import NamedTuple

from lava_predict.numerics.integers import PAYLOAD_FRACTION


class Scales(NamedTuple):
    """What the integers of a rule stand for.

    Attributes
    ----------
    gate, weight : float
        What a gate of 1 becomes (learning rate times gate as an integer), and one unit of a when weight, ms.
    norm, x_sum : float
        One unit of |xc|^2, and of what is summed for the what rule.
    """

    gate: float
    weight: float
    norm: float = 4.0**-PAYLOAD_FRACTION
    x_sum: float = 2.0**-PAYLOAD_FRACTION
