"""Devices by name, their lack of memory, and the way back to the CPU."""

import weakref

import pytest
import torch
from deepblend.engine import device
from deepblend.engine.device import available, choose, memory_errors, on_device
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


# The way back to the CPU


@pytest.fixture
def gpu(monkeypatch):
    """A GPU is what is chosen, on any machine."""
    monkeypatch.setattr(device, "choose", lambda name: "cuda:0")


@pytest.mark.parametrize(
    "error",
    [torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), DeviceMemory(device="cuda:0")],
    ids=["CUDA's own error", "the engine's"],
)
def test_too_little_memory_on_a_gpu_falls_back_to_the_cpu_with_a_note(gpu, error):
    tried: list[tuple[str, list[str]]] = []

    def work(name: str, notes: list[str]) -> str:
        tried.append((name, list(notes)))
        notes.append("of a try")
        if name == "cuda:0":
            raise error
        return name

    assert on_device("auto", work) == "cpu"
    note = (
        "The device cuda:0 has too little free memory for this blend. Close other programs or select less. "
        "The CPU was used instead."
    )
    assert tried == [("cuda:0", []), ("cpu", [note])]  # what the first try noted is of no use


def test_a_gpu_with_enough_memory_is_not_left(gpu):
    assert on_device("auto", lambda name, notes: (name, notes)) == ("cuda:0", [])


def test_other_faults_on_a_gpu_are_no_reason_to_try_the_cpu(gpu):
    tried = []

    def work(name: str, notes: list[str]) -> None:
        tried.append(name)
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal memory access"):
        on_device("auto", work)
    assert tried == ["cuda:0"]


@pytest.mark.parametrize("asked", ["cpu", "cuda:0"])
def test_too_little_memory_on_the_cpu_is_the_end(monkeypatch, asked):
    monkeypatch.setattr(device, "choose", lambda name: name)

    def work(name: str, notes: list[str]) -> None:
        raise torch.cuda.OutOfMemoryError if name == "cuda:0" else MemoryError

    with pytest.raises(DeviceMemory, match="The device cpu has too little free memory"):
        on_device(asked, work)


def test_what_the_failed_try_has_made_is_freed_before_the_second(gpu):
    made: list[weakref.ref[torch.Tensor]] = []

    def work(name: str, notes: list[str]) -> None:
        if name == "cpu":
            assert made[0]() is None
            return
        array = torch.zeros(5)
        made.append(weakref.ref(array))
        raise DeviceMemory(device=name)

    on_device("auto", work)
    assert made
