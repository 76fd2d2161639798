"""Krita's folders: the plug-in in each, whether Krita is told to load it, and what Krita's Python makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from deepblend_protocol.errors import DeepBlendError, HostMissing, HostSilent, PluginInvalid, WriteFailed

from ..hosts import asking_krita, krita, plugin
from ..hosts.krita import ENTRY, HOST, PLUGIN, Profile
from . import NOTE, OK, WRONG, Finding, installed
from .installed import Installed


def profiles(given: Path | None, settings: Path | None, start: str | None) -> Iterator[Finding]:
    """All that concerns Krita.

    Args:
        given: the one folder of resources to look at; None looks at all.
        settings: its kritarc; None finds it by the folder.
        start: what starts kritarunner, as typed into a shell; None looks for it.
    """
    try:
        found = krita.chosen(given, settings)
    except HostMissing as error:
        yield installed.none(HOST, error)
        return
    except PluginInvalid as error:
        yield Finding("Krita", WRONG, str(error), "deepblend doctor krita --profile DIR --kritarc FILE")
        return
    for profile in found:
        yield from installed.named(f"Krita {profile.sandbox}".strip(), _profile(profile, start))


def _profile(profile: Profile, start: str | None) -> Iterator[Finding]:
    one = Installed(HOST, profile.path, profile.plugin, profile.sandbox, profile.again)
    yield from one.there()
    if not one.ours:
        return
    yield from one.whole(plugin.source("krita_plugin") / PLUGIN, os.path.join("..", ENTRY))
    if named := profile.elsewhere:
        told = f"Krita does not look in {profile.path}: its settings in {profile.kritarc} name {named}."
        yield Finding("folder", WRONG, told, HOST.again(named))
    yield from _enabled(profile)
    yield from one.way()
    yield from _asked(profile, start, one)


def _enabled(profile: Profile) -> Iterator[Finding]:
    try:
        there = krita.enabled(profile)
    except WriteFailed as error:
        yield Finding("enabled", WRONG, f"{profile.kritarc} cannot be read: {error.params['reason']}.", profile.again)
        return
    if there:
        yield Finding("enabled", OK, f"in {profile.kritarc}")
    else:
        told = f"Krita does not load it: {profile.kritarc} does not say so."
        remedy = f"In Krita: Settings > Configure Krita > Python Plugin Manager. Or, with Krita closed: {profile.again}"
        yield Finding("enabled", WRONG, told, remedy)


def _asked(profile: Profile, given: str | None, one: Installed) -> Iterator[Finding]:
    """What Krita's Python says, and pyzmq for it."""
    start = asking_krita.command(profile, given)
    if start is None:
        told = "It cannot be asked: no kritarunner is there for it; name one with --krita COMMAND."
        yield Finding("", NOTE, told)
        yield from one.brought()
        return
    try:
        answer = asking_krita.ask(profile, start)
    except HostSilent as error:
        yield Finding("", WRONG, str(error), "Start it in a terminal to see why.")
        yield from one.brought()
        return
    except DeepBlendError as error:
        yield Finding("", NOTE, f"It was not asked: {error}")
        yield from one.brought()
        return
    told = f"Krita {answer.krita}, Python {answer.python}"
    if answer.plugin_fails:
        yield Finding("", WRONG, f"{told}, cannot load it: {answer.plugin_fails}.", one.again)
    else:
        yield Finding("", OK, f"{told}, can load it: {krita.DOCKER}")
    yield from one.pyzmq(answer.python, answer.zmq, answer.curve, answer.zmq_fails)
