"""How much work a blend may do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Numbers that time and memory follow from. The defaults are the product's; tests take smaller ones.

    The memory that the network may take is no part of it: the user says it (``Request.memory_limit``).
    """

    base_px: int = 600
    """Light, colour and large texture are decided on a reduction no longer than this, in pixels."""
    coarsest_evaluations: int = 8
    """Evaluations of the texture's loss on the level below the base,"""
    base_evaluations: int = 4
    """on the base,"""
    detail_evaluations: int = 4
    """and on each finer level."""
    poisson_error: float = 0.01
    """Levels: the greatest error, as estimated, of a solution of Poisson's equation. It was never more than 5% above
    its estimate (``benchmarks.poisson``)."""
    poisson_cycles: int = 400
    """At most. Ordinary masks take 5 to 9, whatever their size; only mazes with free walls come near."""
    poisson_together_px: int = 2**20
    """Pixels of the box up to which all channels are solved at once. In a larger one they are solved one after the
    other: a third of the arrays, which then take no longer, since they fit the cache better."""


DEFAULT = Budget()
