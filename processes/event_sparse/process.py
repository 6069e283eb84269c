"""The EventSparse Process: sparse connections whose cost follows the spikes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var
from scipy.sparse import csc_matrix, sparray, spmatrix

from lava_predict.errors import UserError
from lava_predict.numerics.plan import loihi_style
from lava_predict.processes.base import Process
from lava_predict.settings.schema import FixedSettings


class EventSparse(Process):
    """Sparse connections between cells: a_out = weights @ s_in, one time step later.

    Ports, delay and result are those of lava.proc.sparse.Sparse. The weights are kept by column, so a
    time step costs as much as its spikes have synapses, not as much as there are synapses. Graded spikes
    are carried as they are: there is no ``num_message_bits``, without which Lava's Sparse turns 7 into 1.

    Parameters
    ----------
    weights : scipy.sparse matrix, (N_out, N_in)
        Weight of each synapse, in physical units whatever the precision. In float64 sums are exact, and so
        equal to those of Sparse and Dense to the bit, if the weights are multiples of a common power of two.
    fixed : FixedSettings or mapping, optional
        Word lengths of the model in integers, which gives each sign of the weights an exponent of its own;
        as for Izhikevich.
    playbook, shared : object, mapping, optional
        As for Izhikevich, with the state "a_buff" (float64, or int64 for the model in integers).
    **kwargs
        Lava's ``name`` and ``log_config``.

    Attributes
    ----------
    s_in : InPort
        (N_in,), a spike where it is not 0: 1, or a graded one, of either sign (in integers whole).
    a_out : OutPort
        (N_out,), sums of the weights of the cells that spiked in the step before, each times its spike; in
        integers with ``fixed.fraction_bits`` fraction bits, as Izhikevich receives them.
    a_buff : Var
        (N_out,), the sums that go out next.

    Raises
    ------
    UserError
        If ``weights`` is not a sparse matrix of finite numbers.
    TypeError
        For an argument that there is not.
    """

    def __init__(
        self,
        *,
        weights: spmatrix | sparray,
        fixed: FixedSettings | Mapping[str, Any] | None = None,
        playbook: Any = None,
        shared: Mapping[str, np.ndarray] | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(weights, (spmatrix, sparray)):
            raise UserError(f"weights: must be a scipy.sparse matrix, not {type(weights).__name__}")
        columns = csc_matrix(weights)
        columns.sort_indices()
        if not np.all(np.isfinite(columns.data)):
            raise UserError("weights: must be finite")
        super().__init__(
            first=columns.indptr.astype(np.int64),
            target=columns.indices.astype(np.int32),
            weight=columns.data.astype(np.float64),
            fixed=loihi_style(fixed),
            playbook=playbook,
            shared=shared,
            **kwargs,
        )
        self.s_in = InPort(shape=(columns.shape[1],))
        self.a_out = OutPort(shape=(columns.shape[0],))
        self.a_buff = Var(shape=(columns.shape[0],), init=0)
