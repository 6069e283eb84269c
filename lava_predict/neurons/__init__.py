"""Cells: each module is one neuron, whole; `lava_predict.registry.NEURONS` finds it by its name.

What a neuron's module has. N cells; a step is ``dt`` ms long; currents are in mV per ms.

``Settings``
    A `Section` with a `Parameter` for every parameter of the cells, among them ``bias``, their constant
    current. It is given once for excitatory and once for inhibitory cells.
``DEFAULTS``
    Values of the section ``reservoir`` that hold when the neuron is chosen over another preset's:
    ``{"excitatory": {...}, "inhibitory": {...}}``, and charges and input currents that suit the cells.
``Parameters``, ``State``
    Named tuples of (N,) float64 arrays. The fields of ``Parameters`` are those of ``Settings``.
``constants(parameters, dt)``
    What a step needs beside the parameters, as a named tuple.
``start(parameters)``
    The state before the first step.
``advance(cells, parameters, k, j, current)``
    Kernel: advance cell j by a step up to the threshold, in place; ``k`` is what ``constants`` gave.
``at_threshold(cells, parameters, k, j)``, ``reset(cells, parameters, k, j)``
    Kernels: whether cell j spikes, and what then happens to it.

For integers, in the formats of `lava_predict.numerics.integers`; without these a network in integers is
refused:

``FixedParameters``, ``SATURATING``
    The same arrays as integers, and the names of the states that can saturate, each with a counter in
    ``lost``.
``quantise(planner, parameters, dt)``
    Returns ``FixedParameters`` and the constants of a step, and enters both in the plan.
``fixed_start(parameters, k, fraction_bits)``
    The state before the first step: (N,) int32, 24 bits.
``fixed_cuts(k, rounding, bits, whole)``
    Kernel: what is added before the shifts of a step. ``bits`` are 64 random ones, of which the lowest 16
    are the synapse's; with ``whole`` no state has bits that are kept at 0.
``fixed_whole(k)``
    Kernel: whether that is so.
``fixed_advance(cells, parameters, k, cuts, j, current, seen)``
    Kernel: as ``advance``; returns ``seen``, what it has seen of the extremes of the states so far.
``fixed_adapt(cells, parameters, k, cuts, j, seen)``
    Optional kernel: what of ``advance`` needs no current, if ``fixed_advance`` leaves it out; it returns
    ``seen``, too. In loops of their own the two take less time than together.
``fixed_nothing_seen()``, ``fixed_count(cells, k, seen, lost)``
    Kernels: ``seen`` before the first cell; count the states that stand at a bound after the last.
``fixed_at_threshold(cells, parameters, k, j)``, ``fixed_reset(cells, parameters, k, j, lost)``
    Kernels: as in float.
``STATE_WORDS``, ``parameter_bits(settings)``, ``NAME``
    For the layout on a chip: names of the 24-bit states, bits of a cell's parameters, and what the cells
    are called.
"""
