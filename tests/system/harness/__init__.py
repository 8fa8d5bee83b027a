# SPDX-License-Identifier: ISC
"""Parts of the system tests: real and scripted servers and clients around one gatepostd."""

import os
import pathlib

SYSTEM = pathlib.Path(__file__).resolve().parent.parent
TOP = SYSTEM.parent.parent
BUILD = pathlib.Path(os.environ.get("GATEPOST_BUILD", TOP)).resolve()
DAEMON = BUILD / "gatepostd"
CTL = BUILD / "gatepostctl"
SUITES = pathlib.Path(
    os.environ.get("GATEPOST_CONFORMANCE", TOP.parent / "shared" / "conformance")).resolve()
# Instrumented builds and valgrind are slower: every deadline is multiplied by this.
SLOW = float(os.environ.get("GATEPOST_SLOW", "1"))
