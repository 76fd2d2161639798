"""Features and a soft mask that losses are computed of."""

from __future__ import annotations

import numpy as np
import torch

HEIGHT, WIDTH = 18, 23


def random(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def soft_mask() -> torch.Tensor:
    """(1, 1, HEIGHT, WIDTH), 0..1 with a soft edge, 0 near the array's border."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(rows - 8.3, (columns - 11) * 0.8)
    return torch.from_numpy(np.clip((7 - radius) / 2, 0, 1))[None, None]


MASK = soft_mask()
AREA = MASK.sum()
