"""Devices by name, and their lack of memory."""

import pytest
import torch
from deepblend.engine.device import available, choose, memory_errors
from deepblend_protocol.errors import DeviceMemory, DeviceUnknown


def test_auto_is_the_first_available_and_the_cpu_is_always_there():
    assert choose("auto") == available()[0]
    assert choose("cpu") == available()[-1] == "cpu"


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "cuda:-1", ""])
def test_an_unknown_device_is_refused_with_those_that_there_are(name):
    with pytest.raises(DeviceUnknown, match=r"Available: auto, .*cpu"):
        choose(name)


def test_torchs_own_words_for_no_memory_become_one_error():
    with pytest.raises(DeviceMemory, match="cpu has too little"), memory_errors("cpu"):
        torch.empty(2**55, dtype=torch.float32)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cudas_lack_of_memory():
    with pytest.raises(DeviceMemory, match="cuda:0 has too little"), memory_errors("cuda:0"):
        torch.empty(2**45, device="cuda:0")


def test_other_faults_pass():
    with pytest.raises(RuntimeError, match="size"), memory_errors("cpu"):
        torch.zeros(3) + torch.zeros(4)
