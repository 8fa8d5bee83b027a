# SPDX-License-Identifier: ISC
"""What SPF, DKIM and DMARC cost: signed mail of 4 KiB and 100 KiB, clients of 10,000 addresses.

`off`: gatepostd, every check off; `auth`: the same with spf, dkim and dmarc; `milters`: Postfix with
opendkim, opendmarc and policyd-spf; `rspamd`: Postfix with rspamd, which has only these modules. One
RSA-2048 signature (relaxed/relaxed), SPF and DMARC pass; all ask one unbound. All four one after the
other in each round, in an order that rotates. CPU is that of the whole tree: of Postfix with what
stands beside it, until its queue is empty.
"""

import contextlib
import re
import subprocess
from dataclasses import dataclass

import auth_peers
import clients
import filters
import judge
import names
import procstat
import report
import servers

OFF, AUTH, MILTERS, RSPAMD = "off", "auth", "milters", "rspamd"
SIZES = {"4k": 4096, "100k": 102400}
ROUNDS, QUICK_ROUNDS = 5, 2
SESSIONS = {"4k": {OFF: 6000, AUTH: 6000, MILTERS: 400, RSPAMD: 800},
            "100k": {OFF: 2000, AUTH: 2000, MILTERS: 300, RSPAMD: 500}}
QUICK_SHARE = 0.3
ADDED_MOST = 250.0
CHECKS = "spf dkim arc dmarc header"


@dataclass(frozen=True)
class Figures:
    """runs[size][scenario] = [Judged or None, ...]; microseconds of the primitives by size; rspamd's
    own CPU a message by size."""

    runs: dict
    primitives: dict
    rspamd: dict


def signed(size):
    """A message of about that size, signed, as it goes over the wire."""
    import dkim  # Debian's python3-dkim
    head = (b"From: A Sender <sender@example.net>\r\nTo: user@example.org\r\nSubject: benchmark\r\n"
            b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\nMessage-ID: <bench@example.net>\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n")
    line = b"The quick brown fox jumps over the lazy dog, again and again and again.\r\n"
    text = head + line * ((size - len(head)) // len(line))
    return dkim.sign(text, names.SELECTOR.encode(), b"example.net", names.signing_key(),
                     canonicalize=(b"relaxed", b"relaxed"),
                     include_headers=[b"from", b"to", b"subject", b"date"]) + text + b".\r\n"


def _policy(unbound, wanted):
    on = CHECKS.split() if wanted else []
    return filters.dns(unbound) + servers.checks_off(*on)


class Stand:
    """One scenario: what mail goes to, and every process whose CPU counts."""

    def __init__(self, front, beside=()):
        self.front, self.beside = front, beside

    def cpu(self):
        return sum(procstat.cpu_seconds(server.pid) for server in (self.front, *self.beside))

    def run(self, sessions, message):
        """One run; CPU until nothing is left to do."""
        before = self.cpu()
        load = clients.run(self.front, sessions, names.FIRST_CLIENT, message=message)
        if hasattr(self.front, "drain"):
            self.front.drain()
        return judge.Judged(load, (self.cpu() - before) * 1e6 / sessions)


def _stand(bench, stack, scenario, unbound):
    base, sink = bench.base, bench.sink.port
    if scenario in (OFF, AUTH):
        front = bench.gatepost(name=f"gatepost-{scenario}", proxied=True,
                               policy=_policy(unbound, scenario == AUTH))
        return Stand(bench.start(front, stack))
    kinds = ((auth_peers.Opendkim, auth_peers.Opendmarc) if scenario == MILTERS
             else (auth_peers.Rspamd,))
    beside = [bench.start(kind(base, unbound), stack) for kind in kinds]
    front = auth_peers.QueueingPostfix(base, sink, unbound, name=f"postfix-{scenario}",
                                       milters=beside, spf=scenario == MILTERS)
    return Stand(bench.start(front, stack), beside)


def _standing(bench, stack, unbound, message):
    found = {}
    for scenario in (OFF, AUTH, MILTERS, RSPAMD):
        try:
            found[scenario] = _stand(bench, stack, scenario, unbound)
            found[scenario].run(60, message)  # warm
        except (servers.ServerError, clients.ClientError, FileNotFoundError, KeyError) as error:
            bench.note(f"authentication, {scenario} is left out: {error}")
            found.pop(scenario, None)
    return found


def _speed(algorithm, pattern, extra=()):
    """A figure that `openssl speed` prints."""
    done = subprocess.run(["openssl", "speed", "-seconds", "1", *extra, algorithm],
                          capture_output=True, text=True, check=False)
    found = re.search(pattern, done.stdout)
    return float(found.group(1)) if found else None


def primitives():
    """Microseconds of one RSA-2048 verification, and of SHA-256 over a body of each size."""
    verifies = _speed("rsa2048", r"rsa 2048 bits +\S+ +\S+ +\S+ +([\d.]+)")
    found = {}
    for size, octets in SIZES.items():
        kilo = _speed("sha256", r"(?m)^sha256 +([\d.]+)k", ("-evp", "sha256", "-bytes", str(octets)))
        if kilo is None:
            kilo = _speed("sha256", r"sha256 +([\d.]+)k", ("-bytes", str(octets)))
        if verifies and kilo:
            found[size] = (1e6 / verifies, octets / (kilo * 1000) * 1e6)
    return found


def _measure_size(bench, standing, size, message):
    quick = bench.options.quick
    runs = {scenario: [] for scenario in (OFF, AUTH, MILTERS, RSPAMD)}
    own = []
    order = list(standing)
    for turn in range(QUICK_ROUNDS if quick else ROUNDS):
        bench.note(f"authentication, {size}, round {turn + 1}")
        for scenario in order[turn % len(order):] + order[:turn % len(order)]:
            sessions = int(SESSIONS[size][scenario] * (QUICK_SHARE if quick else 1))
            stand = standing[scenario]
            before = [procstat.cpu_seconds(server.pid) for server in stand.beside]
            try:
                runs[scenario].append(stand.run(sessions, message))
            except (servers.ServerError, clients.ClientError) as error:
                bench.note(f"authentication, {scenario}: {error}")
                runs[scenario].append(None)
                continue
            if scenario == RSPAMD:
                own.append((procstat.cpu_seconds(stand.beside[0].pid) - before[0]) * 1e6 / sessions)
    return runs, own


def measure(bench, unbound):
    """Figures of both sizes."""
    runs, own = {}, {}
    with contextlib.ExitStack() as stack:
        messages = {}
        for size, octets in SIZES.items():
            messages[size] = f"{bench.base}/signed-{size}"
            with open(messages[size], "wb") as file:
                file.write(signed(octets))
        standing = _standing(bench, stack, unbound, messages["4k"])
        for size, message in messages.items():
            runs[size], own[size] = _measure_size(bench, standing, size, message)
    return Figures(runs, primitives(), own)


def _median_cpu(runs, scenario):
    done = [run.cpu_us for run in runs[scenario] if run]
    return report.median(done) if done else None


def _added(runs):
    """CPU microseconds a message that authentication adds, paired by round."""
    pairs = [auth.cpu_us - off.cpu_us for off, auth in zip(runs[OFF], runs[AUTH]) if off and auth]
    return report.median(pairs) if pairs else None


def targets(figures):
    """The promises of these cells."""
    small = figures.runs["4k"]
    found = [report.Target("4k: CPU us that SPF, DKIM and DMARC add", _added(small), ADDED_MOST,
                           at_least=False)]
    for other, bound in ((MILTERS, 5.0), (RSPAMD, 3.0)):
        for size, runs in figures.runs.items():
            found.append(report.Target(f"{size}: messages a CPU second / {other}",
                                       report.ratio(runs, other, AUTH, "cpu_us"), bound))
    return found


def print_figures(figures):
    """A table a size, with the primitives' own cost."""
    for size, runs in figures.runs.items():
        print(f"\nauthentication, signed mail of {size} (clients by PROXY header, 20 in parallel)")
        report.print_sessions(runs, (OFF, MILTERS, RSPAMD))
        added = report.number(_added(runs), ".0f")
        print(f"  added by spf, dkim and dmarc: {added} CPU us a message")
        if size in figures.primitives:
            rsa, sha = figures.primitives[size]
            print(f"  of these, by openssl speed: RSA-2048 verify {rsa:.0f}, SHA-256 {sha:.0f}")
        if figures.rspamd.get(size):
            print(f"  rspamd without its Postfix: {report.median(figures.rspamd[size]):.0f} CPU us")
