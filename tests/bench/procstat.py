# SPDX-License-Identifier: ISC
"""What the kernel says about a process and its descendants: CPU time and resident memory.

CPU is utime + stime + cutime + cstime summed over the live tree, so the time of children that
exited between two samples is in the second one too (Postfix recycles its smtpd processes). The
kernel's clock ticks are 10 ms: runs of a second and more give two good digits.
"""

import os

TICK = 1.0 / os.sysconf("SC_CLK_TCK")


def _stat_fields(pid):
    """The fields of /proc/PID/stat behind the command name: index 0 is the state (field 3)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _children(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            found += [int(word) for word in file.read().split()]
    return found


def tree(pid):
    """`pid` and its live descendants, children before parents."""
    try:
        children = _children(pid)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [member for child in children for member in tree(child)] + [pid]


def cpu_seconds(pid):
    """CPU seconds the tree under `pid` has used so far, exited and waited-for children included."""
    total = 0
    for member in tree(pid):
        try:
            fields = _stat_fields(member)
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(value) for value in fields[11:15])
    return total * TICK


def resident_bytes(pid):
    """Resident bytes of the tree under `pid` (Rss of smaps_rollup: exact, unlike statm)."""
    total = 0
    for member in tree(pid):
        with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("Rss:"))
    return total * 1024
