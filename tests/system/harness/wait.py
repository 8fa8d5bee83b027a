# SPDX-License-Identifier: ISC
"""Waiting for conditions. The only place of the tests where time is spent on purpose."""

import time

from . import SLOW


def until(condition, what, timeout=10.0, interval=0.01):
    """Returns the first true value of condition(); fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout * SLOW:g} s: "
                                 f"{what() if callable(what) else what}")
        time.sleep(interval)


def settle(seconds):
    """For what leaves no sign of its coming to pass; keep it to fractions of a second."""
    time.sleep(seconds * SLOW)
