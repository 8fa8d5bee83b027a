# SPDX-License-Identifier: ISC
"""The cells of judging: sessions a second with and without checks, clients of 10,000 addresses.

`off`: gatepostd, every check off. `cold`: a fresh gatepostd asks about addresses it has never seen;
`warm`: the same one about the first half of them, which have come three times by then (each worker
has a cache of its own). `postfix`: smtpd with the same lists and look-ups; it has no cache. All
four one after the other in each round, in an order that rotates, with one kind of client, sink and
DNS; only ratios within a round count.
"""

import contextlib
from dataclasses import dataclass

import clients
import filters
import names
import procstat
import report
import servers

OFF, COLD, WARM, POSTFIX = "off", "cold", "warm", "postfix"
ROUNDS, QUICK_ROUNDS = 6, 2
SESSIONS, QUICK_SESSIONS = 10000, 2000
SHARE = {OFF: 0.5, WARM: 0.5, POSTFIX: 0.4}  # of the addresses: enough for a rate
WARM_PASSES = 2  # after the cold one
WARM_UP = 500
WARM_UP_FIRST = names.FIRST_CLIENT + names.CLIENTS - WARM_UP  # addresses nobody else uses


@dataclass(frozen=True)
class Judged:
    """One run: the load's figures, and the CPU microseconds a session of what was measured."""

    load: clients.Load
    cpu_us: float

    @property
    def rate(self):
        return self.load.rate


def _measure(server, scenario, sessions):
    sessions = int(sessions * SHARE.get(scenario, 1))
    before = procstat.cpu_seconds(server.pid)
    load = clients.run(server, sessions, names.FIRST_CLIENT)
    return Judged(load, (procstat.cpu_seconds(server.pid) - before) * 1e6 / sessions)


def _started(bench, stack, server, judging):
    bench.start(server, stack)
    if judging:
        filters.await_judging(server)
    clients.run(server, WARM_UP, WARM_UP_FIRST)
    return server


def gatepost(bench, unbound, name, judging):
    """A gatepostd with the checks of this cell, or none; its clients say PROXY."""
    policy = filters.judging_policy(unbound) if judging else None
    return bench.gatepost(name=f"gatepost-{name}", policy=policy, proxied=True)


def _one(bench, unbound, scenario, standing, sessions):
    """The runs of one scenario in one round, by name: cold and warm come together."""
    if scenario != COLD:
        return {scenario: _measure(standing[scenario], scenario, sessions)}
    with contextlib.ExitStack() as stack:
        server = _started(bench, stack, gatepost(bench, unbound, "judging", True), True)
        cold = _measure(server, COLD, sessions)
        for _ in range(WARM_PASSES):
            clients.run(server, int(sessions * SHARE[WARM]), names.FIRST_CLIENT)
        return {COLD: cold, WARM: _measure(server, WARM, sessions)}


def _standing(bench, unbound, stack):
    """The servers that live through all rounds, by scenario; those that cannot start are noted."""
    wanted = {OFF: (gatepost(bench, unbound, "off", False), False),
              POSTFIX: (filters.JudgingPostfix(bench.base, bench.sink.port, unbound), True)}
    found = {}
    for scenario, (server, judging) in wanted.items():
        try:
            found[scenario] = _started(bench, stack, server, judging)
        except (servers.ServerError, clients.ClientError, FileNotFoundError) as error:
            bench.note(f"judging, {scenario} is left out: {error}")
    return found


def measure(bench, unbound):
    """runs[scenario] = [Judged or None for each round]."""
    quick = bench.options.quick
    sessions = QUICK_SESSIONS if quick else SESSIONS
    runs = {scenario: [] for scenario in (OFF, COLD, WARM, POSTFIX)}
    with contextlib.ExitStack() as stack:
        standing = _standing(bench, unbound, stack)
        order = [*standing, COLD]
        for turn in range(QUICK_ROUNDS if quick else ROUNDS):
            bench.note(f"judging, round {turn + 1}")
            found = {}
            for scenario in order[turn % len(order):] + order[:turn % len(order)]:
                try:
                    found |= _one(bench, unbound, scenario, standing, sessions)
                except (servers.ServerError, clients.ClientError) as error:
                    bench.note(f"judging, {scenario}: {error}")
            for scenario, taken in runs.items():
                taken.append(found.get(scenario))
    return runs


def targets(runs):
    """The promises of these cells."""
    return [report.Target(f"judging 10,000 addresses: rate {one} / {other}",
                          report.ratio(runs, one, other), bound)
            for one, other, bound in ((COLD, OFF, 0.7), (COLD, POSTFIX, 2.5))]


def print_figures(runs):
    """A table: rates, ratios, times."""
    print("\njudging: 4 DNS lists, reverse DNS, HELO (clients by PROXY header, 20 in parallel)")
    report.print_sessions(runs, (OFF, POSTFIX))
