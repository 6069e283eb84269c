"""From spikes to current: each module is one synapse, whole; `lava_predict.registry.SYNAPSES` finds it.

What a synapse's module has. N cells, S synapses.

``Connections``, ``State``
    Named tuples of arrays: what is drawn once (at first ``first``, ``target`` and ``weight``, the synapses in
    compressed columns, which `lava_predict.numerics.columns` describes), and what changes.
``draw(config)``
    Draws the connections.
``constants(config)``
    What a step needs, as a named tuple.
``packed(connections, k)``
    Optional: the connections and constants with which steps are fastest, to the same bits.
``deliver_ranges(synapses, connections, k, spiking, count, low, high)``, ``delivered(synapses)``
    Optional: ``deliver`` in two parts for several threads: to some ranges of targets only, and what ends it.
``start(connections)``
    The state before the first step.
``arrive(synapses, k, j)``
    Kernel: advance the synaptic current of cell j by a step and return it, mV / ms.
``deliver(synapses, connections, k, spiking, count)``
    Kernel: put the spikes of this step on their way. The head of ``spiking``, (N,) int64, holds the indices
    of the ``count`` spiking cells, ascending. Weights are multiples of 2^-24, so that sums are exact and
    their order is free.

For integers, in the formats of `lava_predict.numerics.integers`:

``SATURATING``, ``state_words(config)``
    The states that can saturate, each with a counter in ``lost``; names of the 24-bit words of a cell on a
    chip.
``quantise(planner, config, connections)``
    Returns the connections in integers and the constants of a step, and enters both in the plan.
``largest(connections, k)``
    The greatest sum of weights that can arrive at a cell in one step, on the grid of the states.
``fixed_start(connections, wide)``
    The state before the first step; sums of weights in int64 if ``wide``, else in int32.
``physical(synapses, unit)``
    The state in mV per ms, float64; ``unit`` is what 1 stands for.
``fixed_cut(k, rounding, bits, whole)``, ``fixed_whole(k)``, ``fixed_nothing_seen()``, ``fixed_count(...)``
    As for neurons; of the 64 random ``bits`` the synapse has the lowest 16.
``fixed_arrive(synapses, k, cut, j, seen)``, ``fixed_deliver(synapses, connections, k, spiking, count)``
    As in float; ``fixed_arrive`` returns the current, int32 of F fraction bits, and ``seen``.
``fixed_deliver_ranges(synapses, connections, k, spiking, count, low, high)``
    Optional: as in float.
"""
