from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_predict.network.spiking import list_spiking


@pytest.mark.slow
@given(st.lists(st.booleans(), max_size=40))
def test_the_list_holds_every_cell_that_spikes(flags: list[bool]) -> None:
    spiking = np.full(len(flags), -1)
    count = list_spiking(np.array(flags, np.uint8), spiking)
    assert spiking[:count].tolist() == [cell for cell, flag in enumerate(flags) if flag]
