"""How much work a blend may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Numbers that time and memory follow from. The defaults are the product's; tests take smaller ones.

    The memory that the network may take is no part of it: the user says it (``Request.memory_limit``).
    """

    base_px: int = 600
    """An object takes its light on a reduction no longer than this, with what is around it, in pixels."""
    painting_px: int = 750
    """The base of a repainting is the first reduction on which the whole painting is no longer than this,"""
    object_px: int = 128
    """unless the object's longer side were less than this there: then it is the last on which it is not."""
    evaluations: tuple[int, ...] = (8, 6, 5)
    """Of the repainting's loss, at most, at a quarter of the base's resolution, at half of it, and on the base; finer
    levels need none."""
    network_px: int = 256**2
    """Pixels of Omega's box on a level up to which there are so many; one of half as many pixels more has none."""
    poisson_error: float = 0.01
    """Levels: the greatest error, as estimated, of a solution of Poisson's equation. It was never more than 5% above
    its estimate (``benchmarks.poisson``)."""
    poisson_cycles: int = 400
    """At most. Ordinary masks take 5 to 9, whatever their size; only mazes with free walls come near."""
    poisson_together_px: int = 2**20
    """Pixels of the box up to which all channels are solved at once. In a larger one they are solved one after the
    other: a third of the arrays, which then take no longer, since they fit the cache better."""


DEFAULT = Budget()
