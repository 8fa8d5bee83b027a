# SPDX-License-Identifier: ISC
"""What a clean, known client waits longer for where the checks are on, all of them, by default.

Known means proven: the backend took its mail in two distinct hours. CLIENTS clients deliver once,
gatepostd is stopped, what its database says of them is made an hour older, and they deliver again;
until then each is a stranger and waits for the banner. Then they come at a slow pace, and the same
sessions run through a gatepostd with every check off. One DNS list answers after names.SLOW seconds
and cannot be cached: the slowest answer, which the benchmark measures beside the sessions, is what
the known client may wait at most.
"""

import contextlib
import socket
import sqlite3
import threading
import time
from dataclasses import dataclass

import clients
import filters
import names
import report
import servers

CLIENTS, QUICK_CLIENTS = 400, 100
STRIDE = names.CLIENTS // CLIENTS - 3  # few in one network, so that no limit is met
RATE = 100  # sessions a second
ROUNDS, QUICK_ROUNDS = 3, 1
HOUR = 3600
FIGURES = ("banner", "verdict", "session")


@dataclass(frozen=True)
class Known:
    """Rounds of sessions through both, and the slowest answer of the slow list, in microseconds."""

    off: list
    on: list
    slowest: float

    def added(self, figure, which):
        """Milliseconds that median (0) or 99th percentile (1) of a figure are longer: the median
        round's."""
        added = sorted(getattr(on, figure)[which] - getattr(off, figure)[which]
                       for on, off in zip(self.on, self.off))
        return added[len(added) // 2] / 1000


class SlowestAnswer:
    """Asks the slow list all the time, and keeps the longest time it took; a context manager."""

    def __init__(self, unbound):
        self.unbound, self.seconds = unbound, 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _run(self):
        query = names.query(f"1.2.3.4.{names.SLOW_LIST}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(2)
            while not self.ended.is_set():
                start = time.monotonic()
                with contextlib.suppress(OSError):
                    peer.sendto(query, (self.unbound.host, self.unbound.port))
                    peer.recv(512)
                self.seconds = max(self.seconds, time.monotonic() - start)


def _deliver(server, count, rate=0):
    """One message from each client."""
    return clients.run(server, count, names.FIRST_CLIENT, stride=STRIDE, rate=rate, parallel=count)


def _prove(server, count):
    """Lets each client deliver in two hours."""
    _deliver(server, count)
    server.stop()
    with contextlib.closing(sqlite3.connect(server.dir / "state/gatepost.db")) as base, base:
        base.execute("UPDATE identity SET first = first - ?, last = last - ?", (HOUR, HOUR))
    server.start()
    filters.await_judging(server)
    _deliver(server, count)


def measure(bench, unbound):
    """A Known, or None with a note."""
    count = QUICK_CLIENTS if bench.options.quick else CLIENTS
    rounds = QUICK_ROUNDS if bench.options.quick else ROUNDS
    bench.note("known clients: each delivers in two hours first")
    policy = filters.dns(unbound) + filters.lists(*names.BLOCK_LISTS, names.SLOW_LIST)
    try:
        with contextlib.ExitStack() as stack:
            off = bench.start(bench.gatepost(name="gatepost-off", proxied=True), stack)
            on = bench.gatepost(name="gatepost-known", policy=policy, proxied=True)
            bench.start(on, stack)
            filters.await_judging(on)
            _prove(on, count)
            found = Known([], [], 0)
            with SlowestAnswer(unbound) as slowest:
                for _ in range(rounds):
                    for server, taken in ((off, found.off), (on, found.on)):
                        taken.append(_deliver(server, count, RATE))
            return Known(found.off, found.on, slowest.seconds * 1e6)
    except (servers.ServerError, clients.ClientError) as error:
        bench.note(f"known clients: {error}")
        return None


def targets(known):
    """No wait longer than the slowest DNS answer."""
    bound = round(known.slowest / 1000, 1) if known else names.SLOW * 1000
    return [report.Target(f"known client: added ms to the {what}, {name}",
                          known and known.added(figure, which), bound, at_least=False)
            for figure, what in (("banner", "banner"), ("session", "session's end"))
            for which, name in ((0, "median"), (1, "p99"))]


def print_figures(known):
    """Times with the checks off and on."""
    if not known:
        return
    print(f"\nknown clients, all checks on, one DNS list takes {names.SLOW * 1000:.0f} ms "
          f"(slowest answer {known.slowest / 1000:.1f} ms)")
    print(f"  {'ms':<10} {'off: median':>12} {'p99':>8} {'on: median':>12} {'p99':>8} "
          f"{'added: median':>14} {'p99':>8}")
    for figure in FIGURES:
        middle = len(known.off) // 2
        off, on = (sorted(getattr(load, figure) for load in side)[middle]
                   for side in (known.off, known.on))
        print(f"  {figure:<10} {off[0] / 1000:12.2f} {off[1] / 1000:8.2f} {on[0] / 1000:12.2f} "
              f"{on[1] / 1000:8.2f} {known.added(figure, 0):14.2f} {known.added(figure, 1):8.2f}")
