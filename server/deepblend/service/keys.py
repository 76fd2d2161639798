"""CURVE keys: the server's, this machine's clients', and those of other machines that were authorised by hand."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zmq
from deepblend_protocol.connection import write_private
from deepblend_protocol.errors import ArgumentInvalid, KeysUnusable
from zmq.utils import z85

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True)
class KeyPair:
    """A CURVE key pair, each key in the text form Z85, 40 characters."""

    public: str
    secret: str


class Keys:
    """The keys beside a connection file; the pairs are made when they are first needed.

    Args:
        folder: the connection file's. Every method may raise KeysUnusable for a damaged file there, and
            WriteFailed.
    """

    def __init__(self, folder: Path) -> None:
        self._pairs = folder / "keys.json"
        self._authorised = folder / "authorised.json"

    @property
    def server(self) -> KeyPair:
        return self._pair("server")

    @property
    def client(self) -> KeyPair:
        """The key pair that all clients of this user on this machine share."""
        return self._pair("client")

    def authorised(self) -> dict[str, str]:
        """Public keys by name, read anew: what was added counts at once."""
        found = _read(self._authorised)
        if not all(isinstance(key, str) for key in found.values()):
            raise KeysUnusable(path=str(self._authorised), reason="it is damaged")
        return found

    def add(self, name: str, key: str) -> None:
        """Authorise a client by its public key, in Z85. Raises ArgumentInvalid."""
        if not _NAME.fullmatch(name):
            raise ArgumentInvalid(reason=f"'{name}' is no name for a key: 1 to 64 letters, digits or . _ -")
        known = self.authorised()
        if known.get(name, key) != key:
            raise ArgumentInvalid(
                reason=f"another key is called '{name}'. Choose another name, or first: deepblend key remove {name}"
            )
        write_private(self._authorised, {**known, name: key})

    def remove(self, name: str) -> None:
        """Take an authorisation back. Raises ArgumentInvalid."""
        known = self.authorised()
        if name not in known:
            names = ", ".join(known) or "none"
            raise ArgumentInvalid(reason=f"no key is called '{name}'. Authorised: {names}.")
        write_private(self._authorised, {other: key for other, key in known.items() if other != name})

    def _pair(self, whose: str) -> KeyPair:
        known = _read(self._pairs)
        if whose not in known:
            public, secret = zmq.curve_keypair()
            known[whose] = asdict(KeyPair(public.decode(), secret.decode()))
            write_private(self._pairs, known)
        try:
            return KeyPair(**known[whose])
        except TypeError:
            raise KeysUnusable(path=str(self._pairs), reason="it is damaged") from None


class Provider:
    """Tells zmq.auth who may connect: this user's clients, and those that were authorised."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._own = keys.client.public

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a public key, in Z85, is let in."""
        text = key.decode("ascii", "replace")
        try:
            return text == self._own or text in self._keys.authorised().values()
        except KeysUnusable:
            return False


def shown(key: str) -> str:
    """A public key for people: 64 hexadecimal digits, which no shell takes for anything else, as it does Z85."""
    return z85.decode(key.encode("ascii")).hex()


def parsed(text: str) -> str:
    """A public key in Z85, from what ``shown`` makes of it. Raises ArgumentInvalid."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ArgumentInvalid(
            reason=f"'{text}' is no public key: 64 digits and letters a to f, as 'deepblend key show' prints them on "
            "the other machine."
        )
    return z85.encode(bytes.fromhex(text)).decode("ascii")


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise KeysUnusable(path=str(path), reason=error.strerror or str(error)) from None
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise KeysUnusable(path=str(path), reason="it is damaged")
    return known
