# SPDX-License-Identifier: ISC
"""Exim and OpenSMTPD as the server behind: mail arrives unchanged, and no trick of SMTP smuggling
works on them through gatepostd."""

import pytest

from harness.client import message
from harness.postfix import below_received
from test_smuggling import SEQUENCES, attack

HEADERS = b"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.net>\r\n"
BODY = (b".\r\n..\r\n.dot\r\n" + "grüße\r\n".encode() + b"x" * 900 + b"\r\n") * 50
PROXY = b"PROXY TCP4 192.0.2.5 192.0.2.9 4321 25\r\n"
PEERS = ["exim", "opensmtpd"]


@pytest.fixture
def peer(request):
    return lambda name, **more: request.getfixturevalue(name)(**more)


@pytest.mark.parametrize("name", PEERS)
def test_mail_arrives_unchanged(gatepost, peer, name):
    server = peer(name)
    gate = gatepost(server, learn=True)
    sent = message(BODY, headers=HEADERS)
    with gate.client() as smtp:
        smtp.ehlo()
        for _ in range(3):
            smtp.envelope()
            smtp.data(sent)
        smtp.cmd("QUIT", 221)
    for delivered in server.messages(3):
        assert below_received(delivered.data) == sent


@pytest.mark.parametrize("name", PEERS)
def test_bdat_arrives_unchanged(gatepost, peer, name):
    server = peer(name)  # Exim takes BDAT, OpenSMTPD does not
    gate = gatepost(server, learn=True)
    sent = message(BODY, headers=HEADERS)
    with gate.client() as smtp:
        assert "CHUNKING" in smtp.ehlo()
        smtp.envelope()
        smtp.bdat(sent[:1001])
        smtp.bdat(sent[1001:], last=True)
    assert below_received(server.messages(1)[0].data) == sent


@pytest.mark.parametrize("name, way", [("exim", "proxy-v1"), ("exim", "proxy-v2"),
                                       ("opensmtpd", "proxy-v2")])
def test_they_see_the_client_by_the_proxy_protocol(gatepost, peer, name, way):
    server = peer(name, proxy=True)
    gate = gatepost({"address": server, "client-address": way},
                    listen={"proxy-protocol-from": ["127.0.0.0/8"]})
    with gate.client(first=PROXY) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message(headers=HEADERS))
    assert b"192.0.2.5]" in server.messages(1)[0].data.split(b"\r\n\tby")[0]


@pytest.mark.parametrize("name", PEERS)
def test_a_session_goes_on_over_several_transactions_and_refusals(gatepost, peer, name):
    server = peer(name)
    gate = gatepost({"address": server, "reuse": True}, learn=True,
                    relay={"domains": ["example.org", "other.example"]})
    for _ in range(2):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<x@other.example>", 550)  # the server's own relay check
            smtp.cmd("RCPT TO:<user@example.org>", 250)
            smtp.data(message(headers=HEADERS))
            smtp.cmd("RSET", 250)
            smtp.envelope()
            smtp.data(message(headers=HEADERS))
    server.messages(4)


@pytest.mark.parametrize("name", PEERS)
def test_no_smuggled_message_arrives(gatepost, peer, name):
    server = peer(name)
    for policy in ("reject", "normalize"):
        gate = gatepost(server, bare_newline=policy)
        honest = sum(1 for _, sequence in SEQUENCES if 250 in attack(gate, sequence))
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope(recipients=("last@example.org",))
            smtp.data(message(headers=HEADERS))
        kept = server.messages(honest + 1)
        assert len(kept) == honest + 1
        assert not [t for t in kept if b"smuggled@" in t.mail]
        server.sink.transactions.clear()
