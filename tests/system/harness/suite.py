# SPDX-License-Identifier: ISC
"""Suites of cases and the drivers (tests/unit/drivers) that ask the modules about them."""

import os

import pytest

from . import BUILD


def driver(name):
    places = [os.environ.get("OBJDIR"), BUILD / "build" / "obj", BUILD / "obj"]
    found = [f"{place}/tests/unit/drivers/{name}" for place in places if place]
    path = next((path for path in found if os.access(path, os.X_OK)), None)
    assert path, f"{name} is in none of {found}: 'make unit-tests' builds it"
    return path


def need(path):
    if not path.exists():
        pytest.skip(f"no conformance suite at {path}")


def report(suite, failures, total, deviations=None):
    """`deviations`: {case: reason}; they are not counted as passed."""
    deviations = deviations or {}
    print(f"{suite}: {total - len(failures) - len(deviations)}/{total}")
    for name, reason in deviations.items():
        print(f"  {' '.join(name.split())}: {reason}")
    assert total > 0
    assert not failures, "\n".join(failures)
