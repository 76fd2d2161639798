"""The network as a stage: only the first blend of a process waits for it."""

from __future__ import annotations

from collections.abc import Generator

from torch import Tensor

from ..stages import Stage, Update
from ..work import Picture, Work
from . import vgg


class LoadNetwork(Stage[Picture]):
    """Gives ``Work.network``."""

    name = "network"

    def __init__(self, work: Work, fast: bool, normalised: bool = False) -> None:
        """
        Args:
            fast: convolve in what the device is fastest in, see ``vgg.fast_type``; else in float32.
            normalised: see ``vgg.load``.
        """
        self._work, self._fast, self._normalised = work, fast, normalised

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        device = self._work.device
        own = {"dtype": vgg.fast_type(device)} if self._fast else {}
        self._work.network = vgg.load(self._work.request.features, device, self._normalised, **own)
        yield from ()

    def result(self) -> Tensor:
        region = self._work.region
        return region.in_box(region.source)
