"""A blend from files to files, below the command line and the batch that both do it.

``blend`` has it as a value that checks itself, reads, blends and writes; ``arguments`` are the options that say one;
``watch`` is what is shown while it runs.
"""

from __future__ import annotations

from .blend import FileBlend

__all__ = ["FileBlend"]
