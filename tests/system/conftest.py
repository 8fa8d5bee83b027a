# SPDX-License-Identifier: ISC
"""Fixtures: factories whose products are ended, and checked, when the test is over."""

import contextlib
import os
import pathlib
import re
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import DAEMON, peers, postfix as postfix_module  # noqa: E402
from harness import rbldnsd as rbldnsd_module  # noqa: E402
from harness.backend import ScriptedBackend  # noqa: E402
from harness.certs import Authority  # noqa: E402
from harness.dns import DnsServer, wait_probed  # noqa: E402
from harness.gatepost import CHECKS, Gatepost, address_text  # noqa: E402
from harness.haproxy import HAProxy  # noqa: E402
from harness.ports import Ports  # noqa: E402
from harness.postfix import Postfix  # noqa: E402
from harness.rbldnsd import Rbldnsd  # noqa: E402
from harness.visitor import FROM_HERE  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: more than a few seconds")


def pytest_sessionstart(session):
    if not DAEMON.exists():
        pytest.exit(f"{DAEMON} is not built", returncode=2)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


def pytest_terminal_summary(terminalreporter):
    """What the conformance suites printed ("suite: passed/total"), also of tests that passed."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for line in re.findall(r"^[\w -]+: \d+/\d+$", report.capstdout, re.M):
                terminalreporter.write_line(line)


@pytest.fixture
def folder(request):
    """A folder for one test, kept where the test failed."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-"))
    path.chmod(0o755)
    yield path
    report = getattr(request.node, "report_call", None)
    if (report is not None and report.failed) or os.environ.get("GATEPOST_KEEP"):
        logs = "\n".join(f"--- {f}\n{f.read_text(errors='replace')[-6000:]}"
                         for f in sorted(path.glob("*.log")))
        print(f"kept {path}\n{logs}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def ports():
    taken = Ports()
    yield taken
    taken.release()


@pytest.fixture(scope="session")
def authority():
    path = pathlib.Path(tempfile.mkdtemp(prefix="gatepost-ca-"))
    path.chmod(0o755)
    yield Authority(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def stack(folder, ports):
    """Ended first: what it holds lives in the folder and on the ports."""
    with contextlib.ExitStack() as products:
        yield products


@pytest.fixture
def make_backend(stack):
    def make(*words, **more):
        server = ScriptedBackend(*words, **more)
        stack.callback(server.stop)
        return server
    return make


@pytest.fixture
def backend(make_backend):
    return make_backend()


@pytest.fixture
def gatepost(stack, folder, ports, authority):
    count = [0]

    def make(backend_address, **more):
        count[0] += 1
        own = folder if count[0] == 1 else folder / f"gate{count[0]}"
        own.mkdir(exist_ok=True)
        start, learn = more.pop("start", True), more.pop("learn", False)
        gate = Gatepost(own, ports, backend_address, authority=authority, start=False, **more)
        stack.callback(gate.stop)
        if start:
            gate.start()
            if learn:
                gate.wait_learned(learn)
        return gate
    return make


@pytest.fixture
def gate(gatepost, backend):
    """A gatepostd with the default config in front of a scripted backend it has looked at."""
    return gatepost(backend, learn=True)


@pytest.fixture
def postfix(stack, folder, ports):
    why = postfix_module.missing()
    if why:
        pytest.skip(why)

    def make(**more):
        server = Postfix(folder, ports, **more)
        stack.callback(server.stop)
        return server
    return make


@pytest.fixture
def haproxy(stack, folder, ports):
    def make(target, **more):
        server = HAProxy(folder, ports, target, **more)
        stack.callback(server.stop)
        return server
    return make


def _peer(kind, stack, folder, ports):
    why = peers.missing(kind.name)
    if why:
        pytest.skip(why)

    def make(**more):
        server = kind(folder, ports, **more)
        stack.callback(server.stop)
        return server
    return make


@pytest.fixture
def exim(stack, folder, ports):
    return _peer(peers.Exim, stack, folder, ports)


@pytest.fixture
def opensmtpd(stack, folder, ports):
    return _peer(peers.OpenSMTPD, stack, folder, ports)


@pytest.fixture
def make_dns(stack, ports):
    def make(**more):
        server = DnsServer(ports.take(), **more)
        stack.callback(server.stop)
        return server
    return make


@pytest.fixture
def dns(make_dns):
    """The whole world's DNS, empty as yet."""
    return make_dns()


@pytest.fixture
def rbldnsd(stack, folder, ports):
    why = rbldnsd_module.missing()
    if why:
        pytest.skip(why)

    def make(*zones):
        server = Rbldnsd(folder, ports, zones)
        stack.callback(server.stop)
        return server
    return make


@pytest.fixture
def guard(gatepost, backend, request):
    """A gatepostd that takes its clients' addresses from PROXY headers, asks `dns`, and judges by
    the given `blocks` alone: all other checks are off. Comes back once its lists are probed
    (`probed`: False to not wait for that). `doubts`: the default threshold of suspicion; else it is
    that of rejection, since suspicious clients wait seconds for each refusal."""
    def make(blocks=None, to=None, dns=None, probed=True, doubts=False, listen=None, resolver=None,
             **more):
        server = dns or request.getfixturevalue("dns")
        trust = {} if doubts else {"greylist-threshold": 6}
        gate = gatepost(
            to or backend,
            listen={"proxy-protocol-from": FROM_HERE, **trust, **(listen or {})},
            dns={"servers": [address_text(server)], **(resolver or {})},
            blocks={**{name: {"mode": "off"} for name in CHECKS}, **(blocks or {})}, **more)
        if probed:
            wait_probed(gate, server)
        return gate
    return make
