# SPDX-License-Identifier: ISC
"""An hour passes: a daemon is stopped, what its database says of clients is made an hour older, and
it goes on. Whoever has delivered before and does again has then done so in two distinct hours."""

import contextlib
import sqlite3

HOUR = 3600


def pass_hour(gate):
    gate.stop()
    with contextlib.closing(sqlite3.connect(gate.state / "gatepost.db")) as base, base:
        base.execute("UPDATE identity SET first = first - ?, last = last - ?", (HOUR, HOUR))
    gate.start()
