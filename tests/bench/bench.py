#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The benchmark of `make bench`: gatepostd beside HAProxy and Postfix, on this machine, now.

smtp-source sends to smtp-sink directly, through HAProxy in TCP mode (the limit of any proxy that
copies bytes), through Postfix smtpd with smtpd_proxy_filter, and through gatepostd with and without
reuse of backend connections, all checks off. All five run one after the other in each round, in an
order that rotates; compare within a run only: smtp-source and smtp-sink share the CPUs with what is
measured. The other parts: the memory of idle sessions (idle.py), the price of judging (judge.py),
what a known client waits (known.py), the tarpit (tarpit.py), greylisting (grey.py), the store and
lists (remember.py), SPF, DKIM and DMARC (auth.py). Needs Debian's postfix, haproxy, unbound,
postgrey and openssl, and for the last part what `tests/install bench` brings; root for Postfix.

    bench.py                        everything, within 13 minutes
    bench.py --quick                a first impression, within 3 minutes
    bench.py --only haproxy,gatepost --cells 4k-new-20 --parts load --rounds 3
    bench.py --parts judge,tarpit
"""

import argparse
import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import auth
import clients
import grey
import idle
import judge
import known
import load
import names
import remember
import report
import servers
import tarpit

BENCH = Path(__file__).resolve().parent
TOP = BENCH.parent.parent
CHECK_PARTS = {"judge": judge, "known": known, "tarpit": tarpit, "grey": grey,
               "remember": remember, "auth": auth}
PARTS = ["load", "idle", *CHECK_PARTS]
SCENARIOS = ["direct", "haproxy", "postfix", "gatepost", "gatepost-reuse"]
IDLE_SESSIONS = {"plain": 5000, "tls": 1000}
DEFAULT_ROUNDS, QUICK_ROUNDS = 5, 2
DEFAULT_SECONDS, QUICK_SECONDS = 1.0, 0.4
DEFAULT_LIMIT, QUICK_LIMIT = 360.0, 65.0  # seconds of load; idle sessions come on top
# The cell that most targets speak of gets more rounds: on a shared machine single runs swing a lot.
DECISIVE, MORE_ROUNDS = "4k-new-20", 15


def _names(known):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]}: not one of {', '.join(known)}")
        return names
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.RawTextHelpFormatter)
    cells = [cell.name for cell in load.CELLS]
    add = parser.add_argument
    add("--quick", action="store_true", help="two short rounds")
    add("--rounds", type=int, help=f"default {DEFAULT_ROUNDS}")
    add("--seconds", type=float, help=f"length of one run, default {DEFAULT_SECONDS:g}")
    add("--messages", type=int, help="messages in one run, instead of --seconds")
    add("--only", type=_names(SCENARIOS), default=SCENARIOS, help="of " + ",".join(SCENARIOS))
    add("--cells", type=_names(cells), default=cells, help="of " + ",".join(cells))
    add("--parts", type=_names(PARTS), default=PARTS, help="of " + ",".join(PARTS))
    add("--gatepostd", type=Path, help="the binary; default $GATEPOST_BUILD/gatepostd, ./gatepostd")
    add("--wrap", default="", help="command before gatepostd, like valgrind")
    add("--attach", help="command run beside each measured run of a gatepost scenario;\n"
                         "{pid} is gatepostd's")
    add("--json", type=Path, default=BENCH / "results.json")
    add("--strict", action="store_true", help="exit 1 where a target is missed")
    options = parser.parse_args()
    options.more_rounds = 0 if options.rounds or options.quick else MORE_ROUNDS
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else DEFAULT_ROUNDS)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else DEFAULT_SECONDS)
    options.limit = QUICK_LIMIT if options.quick else DEFAULT_LIMIT
    return options


def note(text):
    """A word about what goes on, beside the report."""
    print(text, file=sys.stderr, flush=True)


def find_gatepostd(given):
    """The binary, or None with a note."""
    build = os.environ.get("GATEPOST_BUILD")
    places = [given] if given else [Path(build or TOP) / "gatepostd", TOP / "build/run/gatepostd"]
    for place in places:
        if os.access(place, os.X_OK):
            return place.resolve()
    note(f"no gatepostd at {places[0]}: its scenarios are left out")
    return None


class Bench:
    """The servers of one benchmark and where they live; a context manager that ends them all."""

    def __init__(self, options):
        self.options = options
        self.binary = find_gatepostd(options.gatepostd)
        self.stack = contextlib.ExitStack()
        self.base = self.certificate = self.key = self.sink = None

    def __enter__(self):
        self.base = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-bench-"))
        os.chmod(self.base, 0o755)
        with contextlib.ExitStack() as guard:
            guard.push(self.stack)
            self.certificate, self.key = servers.make_certificate(self.base)
            self.sink = self.start(servers.Sink(self.base))
            guard.pop_all()
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def start(self, server, stack=None):
        (stack or self.stack).callback(server.stop)
        return server.start()

    note = staticmethod(note)

    def gatepost(self, **how):
        return servers.Gatepost(self.base, self.sink.port, self.binary, self.certificate, self.key,
                                wrapper=self.options.wrap, **how)

    def front_end(self, name):
        """The server of a scenario, started; None with a note where that is impossible."""
        if name.startswith("gatepost") and not self.binary:
            return None
        if name == "direct":
            return self.sink
        try:
            if name == "haproxy":
                return self.start(servers.Haproxy(self.base, self.sink.port))
            if name == "postfix":
                return self.start(servers.Postfix(self.base, self.sink.port))
            return self.start(self.gatepost(reuse=name == "gatepost-reuse"))
        except (servers.ServerError, FileNotFoundError) as error:
            note(f"{name} is left out: {error}")
            return None


@contextlib.contextmanager
def attached(command, name, pid):
    """Runs the command of --attach beside a run of gatepostd, and interrupts it afterwards."""
    if not command or not name.startswith("gatepost"):
        yield
        return
    beside = subprocess.Popen(command.replace("{pid}", str(pid)), shell=True,
                              start_new_session=True)
    time.sleep(0.5)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(beside.pid, signal.SIGINT)
        beside.wait(30)


def measure(bench, cell, name, server, messages):
    """One run, or None with a note: a scenario that fails must not hide the others' figures."""
    try:
        with attached(bench.options.attach, name, server.pid):
            return load.run(cell, server, messages)
    except load.LoadError as error:
        note(f"{cell.name} {name}: {error}")
        return None


def calibrate(bench, cells, fronts, deadline):
    """How many messages each scenario sends in each cell; those that fail at once are left out."""
    counts = {}
    for cell in cells:
        for name, server in fronts.items():
            if time.monotonic() > deadline:
                note(f"{cell.name} {name}: out of time: left out")
                continue
            try:
                counts[cell, name] = (bench.options.messages
                                      or load.calibrate(cell, server, bench.options.seconds))
            except load.LoadError as error:
                note(f"{cell.name} {name}: {error}: left out")
    return counts


def rotated(names, by):
    by %= max(len(names), 1)
    return names[by:] + names[:by]


def measure_load(bench):
    """runs[cell][scenario] = [Run or None for each round]."""
    deadline = time.monotonic() + bench.options.limit
    fronts = {name: bench.front_end(name) for name in bench.options.only}
    fronts = {name: server for name, server in fronts.items() if server}
    cells = [cell for cell in load.CELLS if cell.name in bench.options.cells]
    note("warming up")
    counts = calibrate(bench, cells, fronts, deadline)
    runs = {cell.name: {name: [] for name in fronts if (cell, name) in counts} for cell in cells}
    rounds = bench.options.rounds + bench.options.more_rounds
    for turn in range(rounds):
        note(f"round {turn + 1} of {rounds}")
        for cell in cells:
            if turn >= bench.options.rounds and cell.name != DECISIVE:
                continue
            if time.monotonic() > deadline:
                note("out of time: the table has fewer rounds than asked for")
                return runs
            for name in rotated(list(runs[cell.name]), turn):
                run = measure(bench, cell, name, fronts[name], counts[cell, name])
                runs[cell.name][name].append(run)
    return runs


def idle_servers(bench, kind):
    """The servers whose idle sessions are weighed, with how TLS begins: (server, tls) pairs."""
    sink, only = bench.sink.port, bench.options.only
    if "haproxy" in only and kind == "plain":
        yield servers.Haproxy(bench.base, sink), None
    if "haproxy" in only and kind == "tls":
        yield servers.HaproxyTls(bench.base, sink, bench.certificate, bench.key), "implicit"
    if "gatepost" in only and bench.binary:
        yield bench.gatepost(), "starttls" if kind == "tls" else None


def measure_idle(bench):
    """idle[kind][server] = resident bytes a session; each server fresh, for freed memory lies."""
    found = {}
    for kind, count in IDLE_SESSIONS.items():
        note(f"{count} idle sessions, {kind}")
        found[kind] = {}
        for server, tls in idle_servers(bench, kind):
            name = server.name.removesuffix("-tls")
            with contextlib.ExitStack() as stack:
                try:
                    bench.start(server, stack)
                    found[kind][name] = idle.bytes_per_session(server, count, tls)
                except (servers.ServerError, idle.IdleError, OSError) as error:
                    note(f"idle {kind} {name}: {error}")
                    found[kind][name] = None
    return found


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def measure_checks(bench, wanted):
    """What the parts with DNS gave, by part; those that could not be measured are noted."""
    found = {}
    if not wanted or not bench.binary:
        return found
    unbound = bench.start(names.Unbound(bench.base))
    for part in wanted:
        try:
            found[part] = CHECK_PARTS[part].measure(bench, unbound)
        except (servers.ServerError, clients.ClientError, OSError) as error:
            note(f"{part}: {error}")
    return found


def show(runs, weights, others):
    """Prints all tables; returns the targets."""
    found = report.targets(runs, weights) if runs or weights else []
    report.print_rates(runs)
    report.print_idle(weights, IDLE_SESSIONS)
    for part, figures in others.items():
        CHECK_PARTS[part].print_figures(figures)
        found += CHECK_PARTS[part].targets(figures)
    report.print_targets(found)
    return found


def main():
    options = parse_arguments()
    raise_descriptor_limit()
    servers.adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Bench(options) as bench:
            runs = measure_load(bench) if "load" in options.parts else {}
            weights = measure_idle(bench) if "idle" in options.parts else {}
            others = measure_checks(bench, [part for part in CHECK_PARTS if part in options.parts])
    except (servers.ServerError, FileNotFoundError) as error:
        sys.exit(f"bench: {error}")
    found = show(runs, weights, others)
    report.write_json(options.json, runs, weights, others, found)
    if options.strict and any(target.verdict != "PASS" for target in found):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
