# SPDX-License-Identifier: ISC
"""The load of the new cells: our own client programs in C, built by `make bench` (*.c here).

smtp-source cannot speak in the name of other addresses, and a client in Python would eat the CPUs
that are measured. client.c says what its options mean, hold.c and trickle.c are the tarpit's.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import servers

TOP = Path(__file__).resolve().parent.parent.parent
PARALLEL = 20
ANSWER_TIMEOUT = 60.0


class ClientError(RuntimeError):
    """A client program failed, or its sessions did; the text says why."""


def program(name):
    """The path of a client program. Raises ClientError."""
    build = os.environ.get("GATEPOST_BUILD")
    places = [Path(place) / "tests/bench" / name for place in
              (os.environ.get("OBJDIR", ""), f"{build or TOP}/obj", f"{build or TOP}/build/obj",
               TOP / "build/run/build/obj")]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place.resolve())
    raise ClientError(f"no tests/bench/{name} beside gatepostd: `make bench` builds it")


@dataclass(frozen=True)
class Load:
    """What one run of client.c gave; times are (median, 99th percentile) in microseconds."""

    sessions: int
    seconds: float
    banner: tuple
    rcpt: tuple
    verdict: tuple
    session: tuple

    @property
    def rate(self):
        """Sessions a second."""
        return self.sessions / self.seconds


def run(server, sessions, first, *, addresses=None, stride=1, rate=0, parallel=PARALLEL,
        greylisted=False, message=None):
    """One message a session (of the file `message`, or 4 KiB), from `addresses` clients in turn (default: each once), `stride`
    addresses apart; every message must arrive, or each recipient be `greylisted`. Raises
    ClientError."""
    argv = [program("client"), "-n", str(sessions), "-s", str(parallel), "-a", str(first),
            "-c", str(addresses or sessions), "-d", str(stride), "-r", str(rate),
            *(["-g"] if greylisted else []), *(["-f", str(message)] if message else []),
            str(server.port)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise ClientError(done.stderr.strip() or f"client: exit status {done.returncode}")
    found = json.loads(done.stdout)
    if found["failed"]:
        raise ClientError(f"{found['failed']} of {sessions} sessions failed; the first: "
                          f"{found['first_failure']}")
    times = {name: tuple(found[name]) for name in ("banner", "rcpt", "verdict", "session")}
    return Load(found["sessions"], found["seconds"], **times)


class Hold:
    """The client ends of a tarpit; a context manager."""

    def __init__(self, port, count, first=None):
        argv = [program("hold")] + (["-a", str(first)] if first else []) + [str(port), str(count)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, preexec_fn=servers.die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(ANSWER_TIMEOUT)
        self.process.stdout.close()

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise ClientError("hold ended early")
        return line

    def connected(self):
        """Waits until every connection has been made."""
        self._line()

    def state(self):
        """How many connections are open, and how many octets have come on all of them so far."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return tuple(int(word) for word in self._line().split())


def bare_send(count, slices, rounds):
    """CPU microseconds of one send(2) of one octet, on each of `count` sockets once a second."""
    argv = [program("trickle"), str(count), "1000", str(slices), str(rounds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True,
                          preexec_fn=servers.die_with_parent) as process:
        with Hold(int(process.stdout.readline()), count) as hold:
            hold.connected()
            return float(process.stdout.readline().split()[0])
