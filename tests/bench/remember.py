# SPDX-License-Identifier: ISC
"""What is remembered: greylist decisions through the store, and look-ups among list entries.

store.c fills a database with triplets, two identities each, and asks about them from two threads;
lists.c looks up clients among a million entries; gatepostctl imports them into a state directory
without a daemon. Nothing here is a ratio: the targets are the figures that the store is built for,
on two cores, so a machine that others use misses them.
"""

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import clients
import report

SIZES, QUICK_SIZES = {1_000_000: 50_000, 10_000_000: 30_000}, {1_000_000: 50_000}
GROWN, QUICK_GROWN = 200_000, 50_000  # triplets that come in no order, to be weighed
ASK_SECONDS, QUICK_ASK_SECONDS = 10, 3
ENTRIES = 1_000_000
START_MOST = 1.0  # seconds, with the largest number of triplets
FILL_TIMEOUT = 900
OCTETS = {"white": 200, "waiting": 400}

CONFIG = """\
hostname = "mx.example.org"
state-dir = "{directory}/state"
listen "mx" {{ address = {{"127.0.0.1:25"}} }}
backend "main" {{ address = {{"127.0.0.1:26"}} client-address = none }}
relay {{ domains = {{"example.org"}} }}
control {{ socket = "{directory}/control" }}
"""


@dataclass(frozen=True)
class Remembered:
    """decisions[triplets] = {per_second, start_seconds}; octets[kind]; lists."""

    decisions: dict
    octets: dict
    lookups: float | None
    imported: float | None  # entries a second


def _run(name, *words):
    done = subprocess.run([clients.program(name), *map(str, words)], capture_output=True, text=True,
                          timeout=FILL_TIMEOUT)
    if done.returncode != 0:
        raise clients.ClientError(done.stderr.strip() or f"{name}: {done.returncode}")
    return json.loads(done.stdout)


def _decisions(base, triplets, seconds):
    with tempfile.TemporaryDirectory(dir=base) as directory:
        _run("store", "fill", directory, triplets)
        found = _run("store", "ask", directory, triplets, seconds)
    return {"per_second": found["decisions"] / found["seconds"],
            "start_seconds": found["start_seconds"]}


def _octets(base, kind, triplets):
    with tempfile.TemporaryDirectory(dir=base) as directory:
        return _run("store", "grow", directory, triplets, kind)["octets_each"]


def _imported(bench):
    """Entries a second that gatepostctl imports, each of them safe on disk."""
    with tempfile.TemporaryDirectory(dir=bench.base) as directory:
        (Path(directory) / "state").mkdir()
        config, entries = Path(directory) / "gatepost.conf", Path(directory) / "entries"
        config.write_text(CONFIG.format(directory=directory))
        with open(entries, "w", encoding="ascii") as out:
            subprocess.run([clients.program("lists"), "file", str(ENTRIES)], stdout=out, check=True)
        tool = bench.binary.parent / "gatepostctl"
        start = time.monotonic()
        done = subprocess.run([tool, "-c", config, "deny", "import", entries], capture_output=True,
                              text=True, timeout=FILL_TIMEOUT)
        seconds = time.monotonic() - start
    if done.returncode != 0:
        raise clients.ClientError(done.stderr.strip())
    return ENTRIES / seconds


def _tried(bench, what, function, *args):
    """The function's value, or None with a note."""
    bench.note(what)
    try:
        return function(*args)
    except (clients.ClientError, OSError, subprocess.SubprocessError) as error:
        bench.note(f"{what}: {error}")
        return None


def measure(bench, _unbound):
    """A Remembered."""
    quick = bench.options.quick
    seconds = QUICK_ASK_SECONDS if quick else ASK_SECONDS
    grown = QUICK_GROWN if quick else GROWN
    decisions = {triplets: _tried(bench, f"decisions, {triplets} triplets", _decisions, bench.base,
                                  triplets, seconds)
                 for triplets in (QUICK_SIZES if quick else SIZES)}
    octets = {kind: _tried(bench, f"octets, {kind} triplets", _octets, bench.base, kind, grown)
              for kind in OCTETS}
    found = _tried(bench, "look-ups in lists", _run, "lists", ENTRIES, seconds)
    return Remembered(decisions, octets, found and found["lookups"] / found["seconds"],
                      _tried(bench, "import of lists", _imported, bench))


def targets(found):
    """The figures that the store and the lists are built for."""
    kept = [report.Target(f"greylist decisions a second, {triplets} triplets",
                          done and done["per_second"], SIZES[triplets])
            for triplets, done in found.decisions.items()]
    most = found.decisions[max(found.decisions)]
    weights = [report.Target(f"octets on disk of a {kind} triplet", found.octets[kind], bound,
                             at_least=False)
               for kind, bound in OCTETS.items()]
    return [*kept,
            report.Target(f"seconds to start, {max(found.decisions)} triplets",
                          most and most["start_seconds"], START_MOST, at_least=False),
            *weights,
            report.Target(f"list look-ups a second, {ENTRIES} entries", found.lookups, 1_000_000)]


def print_figures(found):
    """What has no target; the rest stands there."""
    print(f"\nlists: {report.number(found.imported, '.0f')} entries a second imported by "
          f"gatepostctl, of {ENTRIES}")
