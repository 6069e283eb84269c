"""Rules that learn a stream of events: what comes next, and when. N cells, K labels.

`next_label` and `next_time` are one readout and its rule each, in small kernels; `memory` has what they
change, and `listen` what happens in a step and at an event. docs/streams.md describes the arrangement.
"""

from __future__ import annotations
