"""``deepblend batch``: many blends from one file of jobs, resumable."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepblend_protocol.errors import ArgumentInvalid

from ..file_blend import arguments
from . import blend
from .progress import Progress
from .terminal import printable

if TYPE_CHECKING:
    from ..batch.jobs import Refused
    from ..batch.runner import Blender, Result, Summary

NAME = "batch"
HELP = "Blend many objects: jobs from a CSV or JSONL file."
_EPILOG = """\
A job is a row of the CSV file, or a JSON object on a line of its own. Its columns or keys are the options
of 'deepblend blend', without the dashes, and four of its own:
  name      of its results (default: the source's, and the job's number)
  format    of its result: png, jpg, tiff, webp (default: the target's)
  layer     yes: the blended object alone as well, as NAME-layer.png
  report    yes: a report as well, as NAME.json
Relative paths are relative to the jobs file.

examples:
  deepblend batch jobs.csv --output blended
    jobs.csv:  source,target,center,style
               boat.png,sea.jpg,"640,420",0.6
  the same target for all of them:
    deepblend batch jobs.jsonl --output blended --target sea.jpg --preset photograph
    jobs.jsonl:  {"source": "boat.png", "center": "640,420", "name": "first"}
  go on after a crash, or do what was changed: the same line again
  on the GPUs of a Ray cluster:
    deepblend batch jobs.csv --output blended --ray auto

exit status: 0 all done, 1 some failed, 2 the jobs file or the command must be mended, 130 cancelled with Ctrl+C."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("jobs", metavar="JOBS", type=Path, help="the jobs: .csv or .jsonl")
    group = parser.add_argument_group("results")
    output = group.add_argument(
        "--output", metavar="DIR", type=Path, help="the folder for all results, made where missing; and their journal"
    )
    group.add_argument("--again", action="store_true", help="do finished jobs again, too")
    group.add_argument("--format", metavar="EXT", help="png, jpg, tiff or webp (default: each target's own)")
    group.add_argument("--layer", action="store_true", default=None, help="the blended objects alone as well")
    group.add_argument("--report", action="store_true", default=None, help="a report of each job as well")
    group.add_argument("--json", action="store_true", help="print the summary, or the error, as JSON")
    group.add_argument("--quiet", action="store_true", help="print errors only")
    group = parser.add_argument_group("Ray", "With the extra 'ray'; docs/batch.md says how to set a cluster up.")
    group.add_argument(
        "--ray", metavar="ADDRESS", help="blend on a Ray cluster: auto, HOST:PORT, ray://HOST:PORT; or local"
    )
    group.add_argument(
        "--ray-actors",
        metavar="N",
        type=_count,
        help="blends at once (default: one a GPU; without GPUs, as cores allow)",
    )
    group.add_argument(
        "--ray-cpus", metavar="N", type=_count, default=2, help="cores, and threads, of each (default: %(default)s)"
    )
    group.add_argument(
        "--ray-wait",
        metavar="SECONDS",
        type=_count,
        default=60,
        help="how long to go on where no machine of the cluster is left; then the jobs that are not done fail, and the "
        "same line does them later (default: %(default)s)",
    )
    # All options of a job are taken here too, as defaults for those that do not give them.
    arguments.add_arguments(parser)
    arguments.add_settings(parser)
    for action in parser._actions:
        action.required = action is output or not action.option_strings


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**6:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Do the jobs, tell what became of them. Raises ArgumentInvalid, WriteFailed, WorkerUnavailable, ExtraMissing."""
    from ..batch import jobs, journal, rows, runner
    from ..files import make_folder

    if args.ray is None and args.ray_actors is not None:
        raise ArgumentInvalid(reason="--ray-actors is for a Ray cluster: give its address with --ray as well.")
    options = jobs.Options(vars(args))
    read = rows.read(args.jobs, options.known)
    folder = make_folder(args.output)
    if args.jobs.resolve() == (folder / journal.NAME).resolve():
        raise ArgumentInvalid(reason=f"{args.jobs} is where the journal would be written: rename the jobs file.")
    with journal.locked(folder), Progress(args.quiet or args.json) as progress:
        ready, refused = options.check(read, args.jobs, folder)
        journal.sweep(folder, ready)
        teller = _Teller(progress, args.quiet or args.json)
        summary = runner.run(ready, refused, journal.Journal(folder), _blender(args), teller, args.again)
    _tell(args, summary)
    return summary.exit_status


def _blender(args: argparse.Namespace) -> Blender:
    if args.ray is None:
        from ..batch.runner import here

        return here
    from ..batch import cluster

    return cluster.Cluster(args.ray, args.ray_actors, args.ray_cpus, args.device != "cpu", args.ray_wait).blend


class _Teller:
    """Tells of each job as it ends: what was made on standard output, what failed on standard error."""

    def __init__(self, progress: Progress, silent: bool) -> None:
        self._progress = progress
        self._silent = silent

    def update(self, fraction: float, words: str) -> None:
        self._progress.update(fraction, words)

    def ended(self, result: Result) -> None:
        if result.error is not None:
            self._failed(result.job.name, result.job.line, result.error)
        elif not self._silent:
            self._progress.wipe()
            for note in result.report.get("notes", ()):
                print(f"deepblend: {printable(result.job.name)}: {printable(note)}", file=sys.stderr)
            print(blend.summary(result.report, result.size), flush=True)

    def refused(self, job: Refused) -> None:
        self._failed(job.name, job.line, job.error)

    def _failed(self, name: str, line: int, error: Exception) -> None:
        self._progress.wipe()
        sentence = " ".join(str(error).split())
        print(f"deepblend: {printable(name)} (line {line}): {printable(sentence)}", file=sys.stderr, flush=True)


def _tell(args: argparse.Namespace, summary: Summary) -> None:
    if summary.cancelled:
        words = "Cancelled; nothing was left half-written. The same command goes on from here."
        print(f"deepblend: {words}", file=sys.stderr)
    if args.json:
        print(json.dumps(summary.as_json()))
    elif not args.quiet:
        told = [("done", "done"), ("skipped", "done before"), ("failed", "failed"), ("left", "left")]
        counts = [f"{count} {words}" for status, words in told if (count := summary.count(status)) or status == "done"]
        print(f"{printable(args.output)}: {', '.join(counts)}, {summary.seconds:.1f} seconds")
        for job in summary.jobs:
            if job["status"] == "failed":
                print(f"  {printable(job['name'])} (line {job['line']}): {printable(job['error']['sentence'])}")
