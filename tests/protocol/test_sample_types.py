"""The table of sample types, against what numpy knows of them."""

from __future__ import annotations

import pytest
from deepblend_protocol.sample_types import BY_NUMPY_NAME, SAMPLE_TYPES, SampleType

np = pytest.importorskip("numpy")  # the protocol itself runs where there is none


@pytest.mark.parametrize("kind", SAMPLE_TYPES.values(), ids=SAMPLE_TYPES)
def test_numpy_says_the_same(kind: SampleType) -> None:
    dtype = np.dtype(kind.numpy).newbyteorder("<")
    assert kind.size == dtype.itemsize
    assert kind.is_float == (dtype.kind == "f")
    assert kind.white == (1 if kind.is_float else np.iinfo(dtype).max)
    assert kind.white_bytes == np.array(kind.white, dtype).tobytes()
    assert kind.name == f"{dtype.kind}{8 * dtype.itemsize}"
    assert BY_NUMPY_NAME[dtype.name] is SAMPLE_TYPES[kind.name] is kind
