"""A chain of SHA-256 digests over what a run did, so that two runs can be compared bit by bit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from lava_predict.tasks import Kind, Played


@dataclass(frozen=True)
class Fingerprint:
    """Digests over all training segments so far, as hexadecimal text; empty before the first.

    Each is a chain, H_n = SHA-256(H_(n-1) + the segment's bytes), so that a resumed run can continue it.
    ``spikes`` is over the records (step, cell), each two little-endian uint32, in order; in little-endian
    float64, ``weights`` over W_when, then W_what after the segment, ``prediction`` over z of each step, then
    (after a trial) p.
    """

    spikes: str = ""
    weights: str = ""
    prediction: str = ""

    def after(self, played: Played) -> Fingerprint:
        """Return the fingerprint with one more training segment."""
        # Not copied more often than need be: a long segment of a large network has many.
        spikes = np.stack((played.spike_step, played.spike_cell), axis=1)
        predicted = (played.z,) if played.segment.kind is Kind.PAUSE else (played.z, played.p)
        return Fingerprint(
            _link(self.spikes, "<u4", spikes),
            _link(self.weights, "<f8", played.w_when, played.w_what),
            _link(self.prediction, "<f8", *predicted),
        )


def _link(last: str, kind: str, *arrays: np.ndarray) -> str:
    digest = hashlib.sha256(bytes.fromhex(last))
    for array in arrays:
        digest.update(np.ascontiguousarray(array, kind).data)
    return digest.hexdigest()
