# Made by tests/hosts/make_stubs.py of the bindings themselves; not to be edited.
from collections.abc import Callable, Sequence
from typing import Any

from typing_extensions import Self

class ImplementorIface:
    ...
