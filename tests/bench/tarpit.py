# SPDX-License-Identifier: ISC
"""The cells of the tarpit: its memory, its CPU, and what it leaves to good mail.

For 10,000 connections and for as many as the descriptors of one process allow: a fresh gatepostd
with checks on takes mail from 10,000 addresses, so that its caches and tables are full; good mail
is measured at half its best rate; then hold.c opens connections from networks in
`lists { tarpit }`. Memory is what these add, per connection. CPU is gatepostd's per octet that hold
received, beside that of trickle.c: a bare send(2) of one octet on as many sockets, once a second,
in one go with all caches warm (`bare`), and spread over the second as a tarpit's octets are
(`spread`). Then good mail is measured again beside the tarpit.
"""

import contextlib
import ipaddress
import os
import resource
import time
from dataclasses import dataclass, field
from statistics import median

import clients
import filters
import names
import procstat
import report
import servers

NETWORK, FIRST = "198.18.0.0/15", ipaddress.IPv4Address("198.18.0.0")
FEW, QUICK_FEW = 10000, 2000
SPARE = 500  # descriptors that gatepostd needs for everything else
FILL, QUICK_FILL = 10000, 2000
GOOD_RUNS, GOOD_SECONDS = 4, 3.0
SETTLE, CPU_SECONDS = 4.0, 10.0
BARE_ROUNDS, SPREAD_SLICES = 4, 100
HELD_TIMEOUT = 30.0


@dataclass
class Pit:
    """What one tarpit showed."""

    asked: int  # connections
    held: int = 0
    bytes_each: float | None = None
    cpu_us: float | None = None  # per octet
    bare_us: float | None = None
    spread_us: float | None = None
    octets_a_second: float | None = None
    core: float | None = None  # share of a core that gatepostd used for it
    best: float | None = None  # good mail, messages a second
    alone: list = field(default_factory=list)  # clients.Load at half of it
    beside: list = field(default_factory=list)

    def good(self, best, of):
        """Ratio beside/alone of a figure of the good mail. `best` of the runs (min or max) stands
        for them: what else goes on on the machine only ever makes them worse."""
        if not self.alone or not self.beside:
            return None
        return best(map(of, self.beside)) / best(map(of, self.alone))


def most():
    """As many connections as the hard descriptor limit of a process allows."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE


def _policy(unbound, count):
    return filters.judging_policy(unbound) + f"""
lists {{ tarpit = {{"{NETWORK}"}} }}
tarpit {{ connections = {count} time = 60m interval = 1s }}
"""


def _good_mail(server, rate, seconds):
    return [clients.run(server, int(rate * seconds), names.FIRST_CLIENT, addresses=FILL,
                        rate=int(rate), parallel=200) for _ in range(GOOD_RUNS)]


def _await_taken(server, sockets_before, count):
    """Waits until gatepostd has no more sockets than those it holds and the sessions are gone."""
    deadline = time.monotonic() + HELD_TIMEOUT
    while time.monotonic() < deadline:
        if len(os.listdir(f"/proc/{server.pid}/fd")) >= min(sockets_before + count, most()):
            break
        time.sleep(0.2)
    time.sleep(SETTLE)


def _cpu_per_octet(pit, server, hold, seconds):
    cpu, octets, start = procstat.cpu_seconds(server.pid), hold.state()[1], time.monotonic()
    time.sleep(seconds)
    cpu, octets = procstat.cpu_seconds(server.pid) - cpu, hold.state()[1] - octets
    took = time.monotonic() - start
    pit.octets_a_second, pit.core = octets / took, cpu / took
    pit.cpu_us = cpu * 1e6 / octets if octets else None


def _measure_one(bench, unbound, count):
    quick = bench.options.quick
    seconds = GOOD_SECONDS / 3 if quick else GOOD_SECONDS
    fill = QUICK_FILL if quick else FILL
    pit = Pit(count)
    with contextlib.ExitStack() as stack:
        server = bench.start(bench.gatepost(name="gatepost-tarpit", proxied=True,
                                            policy=_policy(unbound, count)), stack)
        filters.await_judging(server)
        clients.run(server, fill, names.FIRST_CLIENT)
        pit.best = clients.run(server, fill // 2, names.FIRST_CLIENT).rate
        pit.alone = _good_mail(server, pit.best / 2, seconds)
        time.sleep(1)
        before = procstat.resident_bytes(server.pid)
        sockets = len(os.listdir(f"/proc/{server.pid}/fd"))
        with clients.Hold(server.port, count, FIRST) as hold:
            hold.connected()
            _await_taken(server, sockets, count)
            pit.held = hold.state()[0]
            pit.bytes_each = (procstat.resident_bytes(server.pid) - before) / max(pit.held, 1)
            _cpu_per_octet(pit, server, hold, CPU_SECONDS / 2 if quick else CPU_SECONDS)
            pit.beside = _good_mail(server, pit.best / 2, seconds)
            pit.held = min(pit.held, hold.state()[0])
    rounds = 2 if quick else BARE_ROUNDS
    pit.bare_us = clients.bare_send(count, 1, rounds)
    pit.spread_us = clients.bare_send(count, SPREAD_SLICES, rounds)
    return pit


def measure(bench, unbound):
    """One Pit for each number of connections; those that failed are noted."""
    found = []
    for count in (QUICK_FEW,) if bench.options.quick else (FEW, most()):
        bench.note(f"tarpit of {count} connections")
        try:
            found.append(_measure_one(bench, unbound, count))
        except (servers.ServerError, clients.ClientError) as error:
            bench.note(f"tarpit of {count}: {error}")
            found.append(Pit(count))
    return found


def _quotient(one, other):
    return one / other if one and other else None


def _targets_of(pit):
    name = f"tarpit of {pit.asked}"
    return [
        report.Target(f"{name}: share of them held", pit.held / pit.asked, 0.99),
        report.Target(f"{name}: resident bytes each", pit.bytes_each, 512, at_least=False),
        report.Target(f"{name}: CPU per octet / a bare send(2)",
                      _quotient(pit.cpu_us, pit.bare_us), 1.3, at_least=False),
        report.Target(f"{name}: share of a core for stuttering", pit.core, 0.25, at_least=False),
        report.Target(f"{name}: rate of good mail beside it / alone",
                      pit.good(max, lambda load: load.rate), 0.8),
        report.Target(f"{name}: p99 of good mail beside it / alone",
                      pit.good(min, lambda load: load.session[1]), 1.2, at_least=False)]


def targets(pits):
    """The promises of the tarpit."""
    return [target for pit in pits for target in _targets_of(pit)]


def print_figures(pits):
    """All figures of each."""
    for pit in pits:
        number = report.number
        print(f"\ntarpit of {pit.asked} connections: {pit.held} held")
        print(f"  resident bytes each {number(pit.bytes_each, '.0f')}; octets a second "
              f"{number(pit.octets_a_second, '.0f')}; share of a core {number(pit.core, '.3f')}")
        print(f"  CPU us an octet {number(pit.cpu_us, '.2f')}; bare send(2) all at once "
              f"{number(pit.bare_us, '.2f')}, spread over the second "
              f"{number(pit.spread_us, '.2f')}")
        for name, loads in (("alone", pit.alone), ("beside it", pit.beside)):
            if loads:
                print(f"  good mail {name:<9}: {median(load.rate for load in loads):6.0f}/s (best "
                      f"{pit.best:.0f}/s), ms: median "
                      f"{median(load.session[0] for load in loads) / 1000:.2f}, p99 of each run "
                      + ", ".join(f"{load.session[1] / 1000:.2f}" for load in loads))
