"""Lava on Python 3.11 and newer: what is mended, and only for whoever imports lava_predict."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lava_predict import newer_python

needs_lava = pytest.mark.skipif(find_spec("lava") is None, reason="lava-nc is not installed")
newer = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 needs no mend")


@needs_lava
@newer
@pytest.mark.parametrize(
    ("encoder", "fields"), [("CoreEncoder", "xyp"), ("ChipEncoder", "xyz"), ("AxonEncoder", ["hi", "lo"])]
)
def test_every_instance_has_defaults_of_its_own(encoder: str, fields: str | list[str]) -> None:
    from lava.magma.compiler import var_model

    one, other = getattr(var_model, encoder)(), getattr(var_model, encoder)()
    for field in fields:
        assert getattr(one, field) == getattr(other, field) == var_model.ByteEncoder(base=0, len=0, ptr=0)
        getattr(one, field).base = 7
        assert getattr(other, field).base == 0


@needs_lava
def test_a_port_reshapes_forwards_and_backwards() -> None:
    from lava.magma.core.process.ports.ports import ReshapePort

    port, grid = ReshapePort((6,), (2, 3)), np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(port.get_transform_func_fwd()(grid), np.arange(6))
    np.testing.assert_array_equal(port.get_transform_func_bwd()(np.arange(6)), grid)


@needs_lava
@pytest.mark.parametrize("value", [1, 2, 7, 4096, 5000, 2**22])
def test_the_graded_inverse_square_root_takes_an_array_of_one_number(value: int) -> None:
    """As its Process gives it; beside the real root, for a value of twelve fraction bits."""
    from lava.proc.graded.models import clz, inv_sqrt

    assert clz(np.array([value])) == 24 - value.bit_length()
    assert inv_sqrt(np.array([value])) == pytest.approx(2**18 / value**0.5, rel=0.01, abs=2)


@needs_lava
def test_an_allocator_sends_the_next_number_to_its_first_receiver() -> None:
    from lava.proc.clp.nsm.models import PyAllocatorModel

    sent: list[np.ndarray] = []
    model = SimpleNamespace(
        trigger_in=SimpleNamespace(recv=lambda: np.array([len(sent) != 1])),
        allocate_out=SimpleNamespace(shape=(3,), send=sent.append),
        next_alloc_id=np.array([1]),
    )
    for _ in range(3):
        PyAllocatorModel.run_spk(model)
    np.testing.assert_array_equal(sent, [[1, 0, 0], [0, 0, 0], [2, 0, 0]])


@needs_lava
@pytest.mark.parametrize(
    ("module", "counts"),
    [
        ("lava.magma.compiler.var_model", [1, 8]),
        ("lava.magma.core.process.ports.ports", [2]),
        ("lava.proc.clp.nsm.models", [1]),
        ("lava.proc.graded.models", [1, 1]),
    ],
)
def test_the_installed_lava_has_what_is_mended(module: str, counts: list[int]) -> None:
    source = Path(find_spec(module).origin).read_text()
    assert [source.count(text) for text in newer_python._MENDS[module]] == counts


@needs_lava
@newer
def test_lava_itself_stays_as_it_is() -> None:
    """Also after a mended one was imported; then the mend may come late."""
    script = """
try:
    import lava.proc.dense.process
except ValueError as error:
    assert "mutable default" in str(error)
else:
    raise AssertionError("needs no mend")
import lava_predict
import lava.proc.dense.process
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script], check=True, timeout=200)


def test_one_hook_is_installed_where_it_is_needed() -> None:
    newer_python.mend_lava()
    assert sys.meta_path.count(newer_python._Finder) == (sys.version_info >= (3, 11))
    assert newer_python._Finder.find_spec("json", None) is None


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ((3, 10, 13), ["`pip install lava-nc==0.10.0`"]),
        (
            (3, 12, 1),
            [
                "on Python 3.12;",
                "`pip install --ignore-requires-python --no-deps lava-nc",
                "`uv pip install --no-deps lava-nc",
            ],
        ),
    ],
)
def test_how_to_get_lava_depends_on_the_python(
    version: tuple[int, ...], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newer_python, "sys", SimpleNamespace(version_info=version))
    assert all(part in newer_python.lava_is_missing() for part in said)


@pytest.mark.slow
def test_without_lava_all_but_its_processes_can_be_imported() -> None:
    script = """
import importlib, pathlib, sys
sys.modules["lava"] = None
import lava_predict
root = pathlib.Path(lava_predict.__file__).parent
modules = [".".join(path.relative_to(root.parent).with_suffix("").parts) for path in root.rglob("*.py")]
for module in modules:
    if not module.endswith(("__init__", "__main__")) and "processes" not in module and module != CHANNELS:
        importlib.import_module(module)
assert len(modules) > 100
"""
    script = script.replace("CHANNELS", repr("lava_predict.engines.lava.channels"))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "import lava_predict.processes",
        "from lava_predict.processes import Readout",
        "import lava_predict.processes.izhikevich.process",
        "from lava_predict.processes.base import Process",
    ],
)
def test_without_lava_importing_a_process_says_what_to_do(statement: str) -> None:
    """In the words that the command uses, and as the one cause."""
    script = f"""
import sys
sys.modules["lava"] = None
from lava_predict.engines.lava.engine import check_lava
from lava_predict.errors import UserError
from lava_predict.newer_python import lava_is_missing
try:
    check_lava()
except UserError as error:
    assert lava_is_missing() in str(error)
try:
    {statement}
except ImportError as error:
    assert str(error) == "lava_predict.processes " + lava_is_missing(), error
    assert error.__context__ is None and error.name == "lava"
else:
    raise AssertionError("was imported")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=600)
