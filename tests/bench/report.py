# SPDX-License-Identifier: ISC
"""What the benchmark prints and writes: tables of medians and ratios, targets, results.json.

A ratio is the median over the rounds of (this scenario / the other one in the same round): the
scenarios of a round run one after the other, so a machine that slows down for a while slows both.
"""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from statistics import median

GATE, REUSE, HAPROXY, POSTFIX = "gatepost", "gatepost-reuse", "haproxy", "postfix"
MAIN = "4k-new-20"
KIB = 1024


@dataclass(frozen=True)
class Target:
    """One promise: `value` (None: not measured) against a bound, at least or at most."""

    text: str
    value: float | None
    bound: float
    at_least: bool = True

    @property
    def verdict(self):
        if self.value is None:
            return "NOT MEASURED"
        met = self.value >= self.bound if self.at_least else self.value <= self.bound
        return "PASS" if met else "MISS"

    def line(self):
        value = "-" if self.value is None else f"{self.value:.2f}"
        sign = ">=" if self.at_least else "<="
        return f"{self.verdict:<12} {self.text}: {value} (target {sign} {self.bound:g})"


def ratio(cell_runs, one, other, figure="rate"):
    """Median of the per-round ratios one/other, None where either was not measured."""
    pairs = zip(cell_runs.get(one, []), cell_runs.get(other, []))
    values = [getattr(a, figure) / getattr(b, figure) for a, b in pairs
              if a and b and getattr(b, figure)]
    return median(values) if values else None


def _main_targets(runs):
    cell = runs.get(MAIN, {})
    bounds = [(GATE, HAPROXY, 0.85), (GATE, POSTFIX, 1.9),
              (REUSE, HAPROXY, 1.1), (REUSE, POSTFIX, 2.4)]
    rates = [Target(f"{MAIN}: rate {one} / {other}", ratio(cell, one, other), bound)
             for one, other, bound in bounds]
    return rates + [
        Target(f"{MAIN}: CPU per message {one} / {HAPROXY}", ratio(cell, one, HAPROXY, "cpu_us"),
               1.3, at_least=False)
        for one in (GATE, REUSE)]


def _other_targets(runs):
    cells = [name for name in runs if "reused" in name or name.startswith("100k")]
    return [Target(f"{name}: rate {one} / {HAPROXY}", ratio(runs[name], one, HAPROXY), 0.7)
            for name in cells for one in (GATE, REUSE)]


def _idle_targets(idle):
    bounds = [("plain", 2.5), ("tls", 24.0)]
    return [Target(f"idle session, {kind}: KiB resident",
                   _kib(idle.get(kind, {}).get(GATE)), bound, at_least=False)
            for kind, bound in bounds]


def _kib(size):
    return None if size is None else size / KIB


def targets(runs, idle):
    """The targets of load and idle sessions, from runs[cell][scenario] = [Run or None, ...] and
    idle[kind][server]."""
    return _main_targets(runs) + _other_targets(runs) + _idle_targets(idle)


def number(value, form):
    """The value as text, or a dash where it was not measured."""
    return "-" if value is None else format(value, form)


def _row(cell_runs, name):
    done = [run for run in cell_runs[name] if run]
    if not done:
        return f"  {name:<15} {'failed':>9}"
    rates = [run.rate for run in done]
    cells = [f"  {name:<15} {median(rates):9.0f} {min(rates):8.0f} {max(rates):8.0f}",
             f"{number(ratio(cell_runs, name, HAPROXY), '.2f'):>10}",
             f"{number(ratio(cell_runs, name, POSTFIX), '.2f'):>10}",
             f"{median(run.cpu_us for run in done):9.0f}",
             f"{number(ratio(cell_runs, name, HAPROXY, 'cpu_us'), '.2f'):>10}"]
    return " ".join(cells)


def print_rates(runs):
    """The table of rates and CPU, one block a cell."""
    for cell, cell_runs in runs.items():
        rounds = max((len(taken) for taken in cell_runs.values()), default=0)
        print(f"\n{cell} (rounds: {rounds})")
        print(f"  {'':<15} {'msg/s':>9} {'least':>8} {'most':>8} {'/haproxy':>10} {'/postfix':>10}"
              f" {'CPU us':>9} {'/haproxy':>10}")
        for name in cell_runs:
            print(_row(cell_runs, name))


def print_sessions(runs, others):
    """The table of runs[name] = [judge.Judged or None, ...], with ratios to each of `others`."""
    print(f"  {'':<10} {'sess/s':>8} {'least':>8} {'most':>8} "
          + " ".join(f"{'/' + other:>10}" for other in others)
          + f" {'CPU us':>7} {'RCPT ms: median':>16} {'p99':>7}")
    for name, taken in runs.items():
        done = [run for run in taken if run]
        if not done:
            print(f"  {name:<10} not measured")
            continue
        rates = [run.rate for run in done]
        ratios = [number(ratio(runs, name, other), ".2f") for other in others]
        print(f"  {name:<10} {median(rates):8.0f} {min(rates):8.0f} {max(rates):8.0f} "
              + " ".join(f"{value:>10}" for value in ratios)
              + f" {median(run.cpu_us for run in done):7.0f} "
              f"{median(run.load.rcpt[0] for run in done) / 1000:16.2f} "
              f"{median(run.load.rcpt[1] for run in done) / 1000:7.2f}")


def print_idle(idle, counts):
    """Resident memory per idle session."""
    for kind, figures in idle.items():
        print(f"\nidle sessions after EHLO, {kind}, {counts[kind]} of them (resident KiB each)")
        for name, size in figures.items():
            print(f"  {name:<15} {number(_kib(size), '9.2f'):>9}")


def print_targets(found):
    """PASS or MISS for each target."""
    print("\ntargets")
    for target in found:
        print("  " + target.line())


def _version(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).partition("\n")[0] or None


def _machine():
    return {"kernel": platform.release(), "cpus": os.cpu_count(),
            "load": os.getloadavg(), "haproxy": _version(["haproxy", "-v"]),
            "postfix": _version(["postconf", "-d", "mail_version"]),
            "unbound": _version(["unbound", "-V"])}


def _run_record(run):
    return run and {**asdict(run), "rate": run.rate, "cpu_us": run.cpu_us}


def write_json(path, runs, idle, others, found):
    """All single runs, so that other statistics can be made of them later."""
    result = {
        "machine": _machine(),
        "runs": {cell: {name: [_run_record(run) for run in taken]
                        for name, taken in cell_runs.items()}
                 for cell, cell_runs in runs.items()},
        "idle_bytes": idle,
        **others,
        "targets": [{**asdict(target), "verdict": target.verdict} for target in found],
    }
    with open(path, "w", encoding="ascii") as file:
        json.dump(result, file, indent=1, default=asdict)
        file.write("\n")
