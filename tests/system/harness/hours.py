# SPDX-License-Identifier: ISC
"""A daemon for which a full hour of the monotonic clock strikes a few seconds after its start, by a
time namespace (root only)."""

import subprocess
import time

from . import SLOW
from .wait import until

HOUR = 3600


def _words(offset):
    return ["unshare", "--time", "--monotonic", str(offset)]


def missing():
    """Why it cannot be had here, or None."""
    done = subprocess.run([*_words(1), "true"], capture_output=True, check=False)
    return None if done.returncode == 0 else "no time namespace can be made here"


class FullHour:
    """`wrap`: what to put before the daemon's command. The hour strikes `seconds` from now."""

    def __init__(self, seconds):
        offset = int(HOUR - (time.monotonic() + seconds * SLOW) % HOUR)  # whole seconds only
        self.strikes = time.monotonic() + HOUR - (time.monotonic() + offset) % HOUR
        self.wrap = _words(offset + HOUR)

    def wait(self):
        assert time.monotonic() < self.strikes, "what comes before the hour took too long"
        until(lambda: time.monotonic() > self.strikes + 0.05, "the full hour", 20)
