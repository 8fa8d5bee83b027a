# SPDX-License-Identifier: ISC
"""Greylisting: sessions a second whose triplets are white already, clients of 10,000 networks.

`off`: gatepostd, every check off and no greylisting; `white`: the same with greylisting for
everybody; `postgrey`: Postfix smtpd that asks postgrey by the policy protocol. Each triplet was
refused once and has come again before the first round. All three one after the other in each round,
in an order that rotates; only ratios within a round count.
"""

import contextlib
import os
import pwd
import socket
import time

import clients
import judge
import names
import procstat
import report
import servers

OFF, WHITE, POSTGREY = "off", "white", "postgrey"
ROUNDS, QUICK_ROUNDS = 6, 2
SESSIONS, QUICK_SESSIONS = 10000, 2000
SHARE = {OFF: 1, WHITE: 1, POSTGREY: 0.2}  # of the sessions: enough for a rate
STRIDE = 256  # a network each
DELAY = 1  # seconds
SETTLE = 2 * DELAY  # until all have waited long enough

GREYLIST = f"greylist {{ mode = all delay = {DELAY}s }}\n"


class Postgrey(servers.Server):
    """postgrey with a database of its own, which never exempts a client."""

    name = "postgrey"

    def command(self):
        owner = pwd.getpwnam("postgrey")
        database = self.dir / "db"
        database.mkdir()
        for path in (self.dir, database):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        return ["/usr/sbin/postgrey", f"--inet=127.0.0.1:{self.port}", f"--dbdir={database}",
                f"--delay={DELAY}", "--auto-whitelist-clients=0", "--user=postgrey",
                f"--pidfile={self.dir}/pid"]

    def _greets(self):
        with socket.socket() as probe:
            return probe.connect_ex((servers.HOST, self.port)) == 0


class GreylistingPostfix(servers.Postfix):
    """Postfix smtpd that asks a policy server about each recipient; its clients say PROXY."""

    name = "postfix-postgrey"
    preface = servers.PROXY_LOCAL

    def __init__(self, base, sink_port, policy_port):
        super().__init__(base, sink_port)
        self.policy_port = policy_port

    def _main_cf(self):
        return super()._main_cf() + f"""\
smtpd_recipient_restrictions = check_policy_service inet:{servers.HOST}:{self.policy_port}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
"""

    def _master_cf(self):
        return super()._master_cf().replace(
            "300 smtpd", "300 smtpd -o smtpd_upstream_proxy_protocol=haproxy")


def _clients(server, sessions, **how):
    return clients.run(server, sessions, names.FIRST_CLIENT, stride=STRIDE, **how)


def _started(bench, stack, scenario, sessions):
    """The server of a scenario, whose triplets are white."""
    if scenario == POSTGREY:
        policy = bench.start(Postgrey(bench.base), stack)
        server = GreylistingPostfix(bench.base, bench.sink.port, policy.port)
    else:
        rules = servers.checks_off() + "\n" + (GREYLIST if scenario == WHITE else "")
        server = bench.gatepost(name=f"gatepost-grey-{scenario}", policy=rules, proxied=True)
    bench.start(server, stack)
    sessions = int(sessions * SHARE[scenario])
    if scenario != OFF:
        _clients(server, sessions, greylisted=True)
        time.sleep(SETTLE)
    _clients(server, sessions)
    return server


def _standing(bench, stack, sessions):
    found = {}
    for scenario in (OFF, WHITE, POSTGREY):
        try:
            found[scenario] = _started(bench, stack, scenario, sessions)
        except (servers.ServerError, clients.ClientError, FileNotFoundError, KeyError) as error:
            bench.note(f"greylisting, {scenario} is left out: {error}")
    return found


def _one(server, sessions):
    before = procstat.cpu_seconds(server.pid)
    load = _clients(server, sessions)
    return judge.Judged(load, (procstat.cpu_seconds(server.pid) - before) * 1e6 / sessions)


def measure(bench, _unbound):
    """runs[scenario] = [Judged or None for each round]."""
    quick = bench.options.quick
    sessions = QUICK_SESSIONS if quick else SESSIONS
    runs = {scenario: [] for scenario in (OFF, WHITE, POSTGREY)}
    with contextlib.ExitStack() as stack:
        bench.note("greylisting: every triplet comes twice first")
        standing = _standing(bench, stack, sessions)
        order = list(standing)
        for turn in range(QUICK_ROUNDS if quick else ROUNDS):
            bench.note(f"greylisting, round {turn + 1}")
            found = {}
            for scenario in order[turn % len(order):] + order[:turn % len(order)]:
                try:
                    found[scenario] = _one(standing[scenario], int(sessions * SHARE[scenario]))
                except clients.ClientError as error:
                    bench.note(f"greylisting, {scenario}: {error}")
            for scenario, taken in runs.items():
                taken.append(found.get(scenario))
    return runs


def targets(runs):
    """The promises of these cells."""
    return [report.Target(f"greylisting, white triplets: rate {one} / {other}",
                          report.ratio(runs, one, other), bound)
            for one, other, bound in ((WHITE, OFF, 0.8), (WHITE, POSTGREY, 3.0))]


def print_figures(runs):
    """A table: rates, ratios, times."""
    print("\ngreylisting: triplets that are white (clients by PROXY header, 20 in parallel)")
    report.print_sessions(runs, (OFF, POSTGREY))
