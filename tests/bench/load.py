# SPDX-License-Identifier: ISC
"""One measured run: smtp-source against a server, timed, with the CPU the server used.

A cell is what smtp-source is told to do: message size, a new session per message or reused ones,
how many in parallel. smtp-source stops at the first reply it does not expect, so a run that ends
well is a run in which the backend took every message.
"""

import subprocess
import time
from dataclasses import dataclass

import procstat
import servers

RUN_TIMEOUT = 15.0
SIZES = {"4k": 4096, "100k": 102400}


class LoadError(RuntimeError):
    """smtp-source failed; the text says why."""


@dataclass(frozen=True)
class Cell:
    """What one run sends."""

    size: str
    reused: bool
    parallel: int

    @property
    def name(self):
        return f"{self.size}-{'reused' if self.reused else 'new'}-{self.parallel}"


CELLS = [Cell(size, reused, parallel)
         for size in SIZES for reused in (False, True) for parallel in (20, 200)]


@dataclass(frozen=True)
class Run:
    """What one run gave."""

    messages: int
    seconds: float
    cpu: float

    @property
    def rate(self):
        """Messages a second."""
        return self.messages / self.seconds

    @property
    def cpu_us(self):
        """CPU microseconds a message of the server under test."""
        return self.cpu * 1e6 / self.messages


def _source_command(cell, port, messages):
    argv = ["smtp-source", "-4", "-M", "client.example.net", "-f", "sender@example.net",
            "-t", "user@example.org", "-s", str(cell.parallel), "-m", str(messages),
            "-l", str(SIZES[cell.size])]
    return argv + (["-d"] if cell.reused else []) + [f"{servers.HOST}:{port}"]


def run(cell, server, messages):
    """Sends `messages` and waits for the end. Raises LoadError."""
    before = procstat.cpu_seconds(server.pid)
    start = time.monotonic()
    try:
        done = subprocess.run(_source_command(cell, server.port, messages), timeout=RUN_TIMEOUT,
                              capture_output=True, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        raise LoadError(f"no end after {RUN_TIMEOUT:.0f} s") from None
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise LoadError(done.stderr.strip()[-300:] or f"exit status {done.returncode}")
    return Run(messages, seconds, procstat.cpu_seconds(server.pid) - before)


def calibrate(cell, server, seconds):
    """How many messages make a run of about `seconds`; warms the server up on the way."""
    least = max(2 * cell.parallel, 100)
    first = run(cell, server, least)
    second = run(cell, server, max(least, int(first.rate * seconds / 4)))
    return max(least, int(second.rate * seconds))
