from __future__ import annotations

import re
from string import Formatter

import pytest
from deepblend_protocol import errors
from deepblend_protocol.errors import DeepBlendError

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, DeepBlendError)]
LEAVES = [kind for kind in CLASSES if not kind.__subclasses__()]


def by_code(kind: type[DeepBlendError]) -> str:
    return kind.code


def test_the_tree_is_drawn_as_it_stands() -> None:
    assert errors.__doc__ is not None
    drawn: dict[str, tuple[str, str]] = {}  # name: (parent, code of a leaf)
    parents = {0: "DeepBlendError"}
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│ ]*)[├└]── (\w+) +(\S+)", line)
        if found:
            depth = len(found[1]) // 4 + 1
            parents[depth] = found[2]
            drawn[found[2]] = (parents[depth - 1], found[3])
    assert set(drawn) == {kind.__name__ for kind in CLASSES} - {"DeepBlendError"}
    for kind in CLASSES[1:]:
        parent, code = drawn[kind.__name__]
        assert [base.__name__ for base in kind.__bases__] == [parent]
        assert kind not in LEAVES or kind.code == code


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [kind.code for kind in LEAVES]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+|fault", code) for code in codes)
    assert all(not issubclass(one, other) for one in LEAVES for other in LEAVES if one is not other)


@pytest.mark.parametrize("kind", LEAVES, ids=by_code)
def test_a_sentence_names_its_parameters_and_ends(kind: type[DeepBlendError]) -> None:
    names = [name for _, name, _, _ in Formatter().parse(kind.sentence) if name]
    params = {name: f"<{name}>" for name in names}
    error = kind(**params)
    assert error.params == params
    assert all(f"<{name}>" in str(error) for name in names)
    assert "\n" not in str(error)
    assert str(error).endswith((".", ">"))
    branches = (errors.InputError, errors.ResourceError, errors.MessageError, errors.ServerError)
    assert sum(isinstance(error, branch) for branch in branches) == 1


def test_a_brace_in_a_value_is_only_a_brace() -> None:
    assert "{x}.png" in str(errors.FileUnreadable(role="source", path="{x}.png", reason="gone"))
