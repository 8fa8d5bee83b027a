# SPDX-License-Identifier: ISC
"""Without `dns { servers }` the resolvers of /etc/resolv.conf are asked; ours is mounted over it, for
the daemon alone."""

import os

import pytest

from harness.dns import DnsServer
from harness.visitor import CLEAN, LISTED, Visit

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount and for port 53")
HOST = f"127.53.{os.getpid() % 200}.{1 + os.getpid() % 250}"  # other tests run beside


@pytest.fixture
def system_dns(stack):
    server = DnsServer(53, host=HOST)
    stack.callback(server.stop)
    server.zone("zen.example").list(LISTED[4]).list(LISTED[6])
    return server


@pytest.fixture
def wrap(folder):
    file = folder / "resolv.conf"
    file.write_text(f"search elsewhere.example\nnameserver {HOST}\n", encoding="utf-8")
    return ["unshare", "--mount", "sh", "-c",
            f"mount --bind '{file}' /etc/resolv.conf && exec \"$0\" \"$@\""]


@pytest.mark.parametrize("family", [4, 6])
def test_without_servers_those_of_resolv_conf_are_asked(guard, system_dns, wrap, family):
    gate = guard({("dnsbl", "zen.example"): {"mode": "reject", "score": 1}}, dns=system_dns,
                 resolver={"servers": []}, wrap=wrap)
    Visit(gate, LISTED[family]).refused()
    Visit(gate, CLEAN[family]).accepted()
    assert not system_dns.asked("*.elsewhere.example"), "the search list is not for us"
