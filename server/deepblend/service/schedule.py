"""The jobs between their acceptance and their end: which one begins where, what becomes of it, and who is told."""

from __future__ import annotations

import time
from typing import Any

from deepblend_protocol import messages
from deepblend_protocol.errors import (
    DeepBlendError,
    FeaturesUnavailable,
    JobDuplicate,
    JobTimeout,
    JobUnknown,
    QueueFull,
    ServerLeaving,
    WorkerLost,
    WorkerUnavailable,
)
from deepblend_protocol.settings import resolve

from .clients import UNREAD_BYTES, Client, Clients
from .jobs import Job, Queue, Stopping
from .log import Log
from .options import Options
from .workers import Pool, Worker

TOLD_S = 1.0
"""A client hears of each of its jobs at least this often."""
STOP_S = 10.0
"""How long a cancelled job may go on before its worker is killed."""


class Schedule:
    """Brings jobs, workers and clients together; is called by the socket loop alone."""

    def __init__(self, options: Options, clients: Clients, pool: Pool, log: Log) -> None:
        self._options = options
        self._clients = clients
        self._pool = pool
        self._log = log
        self._queue = Queue()
        self._serial = 0

    def jobs(self) -> list[Job]:
        """All that have not ended, the running ones first."""
        return [*(one.job for one in self._pool if one.job is not None), *self._queue]

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def find(self, client: Client, name: str | None) -> Job | None:
        return next((job for job in self.jobs() if job.client == client.id and job.name == name), None)

    def submit(self, client: Client, message: messages.Submit, frames: list[Any]) -> None:
        """Accept a job. Raises JobDuplicate, QueueFull, FeaturesUnavailable, and what ``resolve`` does."""
        if message.job in client.names:
            raise JobDuplicate(job=message.job)
        if message.request.features == "torchvision" and not self._options.torchvision:
            raise FeaturesUnavailable(reason="this server was started without --torchvision")
        resolve(message.request.settings)  # refused now, not after minutes in the queue
        own = [job for job in self.jobs() if job.client == client.id]
        if len(own) >= self._options.queue or client.unread > UNREAD_BYTES:
            raise QueueFull(limit=self._options.queue)
        client.names.add(message.job)
        self._serial += 1
        job = Job(client.id, message.job, message.request, frames, time.monotonic(), self._serial)
        self._queue.add(job)
        self._pool.wake()
        if (failed := self._pool.failed) is not None:
            failed.start()
        self._tell_queued(job, list(self._queue).index(job), job.submitted)

    def cancel(self, client: Client, name: str) -> None:
        """Give a job up. Raises JobUnknown."""
        job = self.find(client, name)
        if job is None:
            raise JobUnknown(job=name)
        if self._pool.of(job):
            self._stop(job, "cancel", time.monotonic())
        else:
            self._queue.remove(job)
            self._end(job, None)

    def tick(self, now: float) -> None:
        """Check all time limits; ``now`` is in seconds of the monotonic clock."""
        for job in [one.job for one in self._pool if one.job is not None]:
            self._watch(job, now)
        for ahead, job in enumerate(list(self._queue)):  # whose client may turn out to have gone
            if ahead != job.ahead or now - job.told >= TOLD_S:
                self._tell_queued(job, ahead, now)
        for worker in self._pool:
            rest_s = self._options.rest_min * 60
            if rest_s and worker.state == "ready" and now - worker.idle_since >= rest_s:
                worker.rest()

    def dispatch(self) -> None:
        """Give waiting jobs to workers without work."""
        while len(self._queue) and (worker := self._pool.ready()) and (job := self._queue.next()):
            now = time.monotonic()
            job.attempt += 1
            job.started = job.told = now
            job.device, job.fraction, job.stage = worker.device, 0.0, "start"
            worker.begin(job)
            if client := self._clients.get(job.client):
                self._clients.send(client, messages.Running(job.name, job.device, 0.0, "start"))
        if len(self._queue) and (failed := self._pool.failed):
            for job in list(self._queue):
                self._queue.remove(job)
                self._end(job, WorkerUnavailable(device=failed.device, reason=failed.reason))

    def hear(self, worker: Worker, control: dict[str, Any], frames: list[Any]) -> None:
        """Handle a message from a worker about its job or itself."""
        job, kind = worker.job, control["type"]
        worker.hear(control)
        if job is None or control.get("serial") != job.serial:
            return
        if kind == "running":
            self._progress(job, control, frames)
        elif control.get("fatal"):
            worker.job = job  # the device is spoiled: the process is replaced, the job tried once more
            self._log.write("worker", **{**control, "device": worker.device})
            worker.kill()
        else:
            self._end(job, None, control, frames)

    def worker_gone(self, worker: Worker) -> None:
        """A worker's process has ended: its job is tried once more, and so is the worker."""
        rested = worker.state == "leaving"
        job, how = worker.gone()
        self._log.write("worker", type="gone", device=worker.device, how=how, state=worker.state)
        if job is not None:
            if job.stopping or self._clients.get(job.client) is None:
                self._end(job, None)
            elif job.attempt >= 2:
                self._end(job, WorkerLost(device=worker.device, how=how))
            else:
                job.ahead = -1
                self._queue.add(job, first=True)
        if worker.state != "failed" and (not rested or len(self._queue)):
            worker.start()

    def forget(self, client: Client) -> None:
        """Drop all jobs of a client that has gone."""
        for job in [job for job in self._queue if job.client == client.id]:
            self._queue.remove(job)
            self._log_job(job, "client gone", None, {})
        for one in self._pool:
            if one.job is not None and one.job.client == client.id:
                self._stop(one.job, "gone", time.monotonic())
        self._queue.forget(client.id)

    def end_all(self) -> None:
        """End all jobs because the server ends, and tell their clients."""
        for job in self.jobs():
            self._end(job, ServerLeaving())

    def _stop(self, job: Job, why: Stopping, now: float) -> None:
        """Have a running job stopped; what its worker then says ends it."""
        worker = self._pool.of(job)
        if worker is not None and not job.stopping:
            job.stopping, job.stopping_since = why, now
            worker.cancel()

    def _watch(self, job: Job, now: float) -> None:
        """Look after a running job's time."""
        if not job.stopping and now - job.started >= self._options.job_s:
            self._stop(job, "timeout", now)
        if job.stopping and now - job.stopping_since >= STOP_S and (worker := self._pool.of(job)):
            worker.kill()
        client = self._clients.get(job.client)
        if client is not None and now - job.told >= TOLD_S:
            job.told = now
            self._clients.send(client, messages.Running(job.name, job.device, job.fraction, job.stage))

    def _progress(self, job: Job, control: dict[str, Any], frames: list[Any]) -> None:
        job.fraction, job.stage = control["fraction"], control["stage"]
        client = self._clients.get(job.client)
        if client is not None and not job.stopping:
            job.told = time.monotonic()
            self._clients.send_frames(client, frames)

    def _end(
        self,
        job: Job,
        error: DeepBlendError | None,
        control: dict[str, Any] | None = None,
        frames: list[Any] | None = None,
    ) -> None:
        """Tell a job's end to its client and the log.

        Args:
            error: what ended it.
            control, frames: or the worker's last word on it. With neither, it was cancelled.
        """
        if job.stopping == "timeout":
            error = JobTimeout(seconds=self._options.job_s)
        client = self._clients.get(job.client)
        outcome = "cancelled"
        if error is not None:
            outcome, frames = "error", messages.to_frames(messages.failure(error, job.name))
        elif control is None or control["type"] == "stopped" or job.stopping:
            frames = messages.to_frames(messages.Cancelled(job.name))
        else:
            outcome = control["type"]
        if client is not None:
            self._clients.send_frames(client, frames or [], must=True)
        self._log_job(job, outcome if client is not None else "client gone", error, control or {})

    def _log_job(self, job: Job, outcome: str, error: DeepBlendError | None, control: dict[str, Any]) -> None:
        now, layer = time.monotonic(), job.request.layer
        client = self._clients.get(job.client)
        report = control.get("report", {})
        self._log.write(
            "job",
            job=job.name,
            client=client.name if client else None,
            outcome=outcome,
            code=error.code if error else control.get("code"),
            attempt=job.attempt,
            device=report.get("device", job.device),
            queued_s=round((job.started or now) - job.submitted, 3),
            seconds=round(now - job.started, 3) if job.started else None,
            layer=layer.size,
            sample_type=layer.type,
            bytes=sum(plane.nbytes for plane in job.request.planes.values()),
            sizes=report.get("sizes"),
            settings=dict(job.request.settings),
            notes=report.get("notes"),
            **({"traceback": control["traceback"]} if "traceback" in control else {}),
        )

    def _tell_queued(self, job: Job, ahead: int, now: float) -> None:
        engine = not any(one.state in ("ready", "busy") for one in self._pool)
        why = "again" if job.attempt else "engine" if engine else "turn"
        first, job.ahead, job.told = job.ahead < 0, ahead, now
        if client := self._clients.get(job.client):
            self._clients.send(client, messages.Queued(job.name, ahead, why), must=first)
