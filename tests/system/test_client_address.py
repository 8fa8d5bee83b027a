# SPDX-License-Identifier: ISC
"""Who the client is: PROXY headers and XCLIENT taken from trusted peers only, and the true client
shown to the backend in each of the ways there are."""

import base64
import json
import re
import struct
import socket

import pytest

from harness import SUITES, netns
from harness.backend import ScriptedBackend
from harness.client import Closed, RawClient, message
from harness.wait import until

V2 = b"\r\n\r\n\0\r\nQUIT\n"
LOOP = {"proxy-protocol-from": ["127.0.0.0/8"]}


def v1(source, port=4321):
    family, target = (6, "2001:db8::fa") if ":" in source else (4, "192.0.2.250")
    return f"PROXY TCP{family} {source} {target} {port} 25\r\n".encode()


def v2(source, port=4321, command=1):
    if command == 0:
        return V2 + b"\x20\x00\0\0"
    if ":" in source:
        body = socket.inet_pton(socket.AF_INET6, source) * 2
        return V2 + b"\x21\x21" + struct.pack("!H", 36) + body + struct.pack("!HH", port, 25)
    body = socket.inet_aton(source) * 2
    return V2 + b"\x21\x11" + struct.pack("!H", 12) + body + struct.pack("!HH", port, 25)


def deliver(gate, **more):
    with gate.client(**more) as smtp:
        smtp.ehlo("named.example.net")
        smtp.envelope()
        smtp.data(message())
        smtp.quit()


# The PROXY protocol from a balancer

@pytest.mark.parametrize("make", [v1, v2], ids=["v1", "v2"])
@pytest.mark.parametrize("client", ["192.0.2.77", "2001:db8::77", "::ffff:192.0.2.77"])
def test_the_client_is_whom_the_header_names(gatepost, backend, make, client):
    gate = gatepost(backend, listen=LOOP)
    deliver(gate, first=make(client))
    shown = client.replace("::ffff:", "").encode()
    assert shown in backend.transactions[0].added
    entry = gate.wait_log(r" transaction ")
    assert shown.decode() in entry.line and "127.0.0.1" not in entry.field.get("client", "")


def test_the_header_may_come_with_the_first_commands_or_octet_by_octet(gatepost, backend):
    gate = gatepost(backend, listen=LOOP)
    with gate.client(first=v1("192.0.2.9") + b"EHLO early.example.net\r\n") as smtp:
        smtp.expect(250)
    for header in (v1("192.0.2.9"), v2("192.0.2.9")):
        with gate.client(banner=False) as smtp:
            for octet in header:
                smtp.send(bytes([octet]))
            smtp.expect(220)


@pytest.mark.parametrize("make", [v1, v2], ids=["v1", "v2"])
def test_the_relay_rule_counts_the_named_client_never_the_balancer(gatepost, backend, make):
    gate = gatepost(backend, listen=LOOP, relay={"networks": ["127.0.0.0/8", "192.0.2.5/32"]})
    for client, code in (("192.0.2.4", 550), ("192.0.2.5", 250)):
        with gate.client(first=make(client)) as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<x@elsewhere.example>", code)


def test_untrusted_peers_proxy_lines_are_bad_commands(gatepost, backend):
    gate = gatepost(backend, listen={"proxy-protocol-from": ["127.0.0.3/32"]},
                    relay={"networks": ["192.0.2.5/32"]})
    with gate.client() as smtp:
        smtp.send(v1("192.0.2.5"))
        smtp.expect((500, 502))
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550, "5.7.1")
    with gate.client(banner=False) as smtp:
        smtp.expect(220)
        smtp.send(v2("192.0.2.5") + b"\r\n")
        while smtp.more():
            pass
        assert b"250" not in smtp.buffer


def test_a_health_check_that_closes_without_a_header_is_no_error(gatepost, backend):
    gate = gatepost(backend, listen=LOOP)
    for sent in (b"", b"PROXY TCP4"):
        with gate.client(first=sent, banner=False):
            pass
    deliver(gate, first=v1("192.0.2.9"))
    gate.wait_log(" transaction ")
    assert not gate.entries("error")
    assert all(e.level in ("info", "debug") for e in gate.entries("disconnect"))


@pytest.mark.parametrize("first", [b"", v2("", command=0), b"PROXY UNKNOWN\r\n",
                                   b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
                                   V2 + b"\x21\x00\0\0", V2 + b"\x20\x11\0\x0c" + bytes(12)],
                         ids=["silent", "v2 LOCAL", "v1 UNKNOWN", "v1 UNKNOWN with words",
                              "v2 UNSPEC", "v2 LOCAL with addresses"])
def test_silent_local_and_unknown_get_a_dialogue_but_no_trust(gatepost, backend, first):
    gate = gatepost(backend, listen=LOOP, timeouts={"proxy-header": "1s"},
                    relay={"networks": ["127.0.0.0/8"]})
    with gate.client(first=first) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 450, "4.7.1")
        smtp.cmd("RCPT TO:<x@elsewhere.example>", (450, 550))
        smtp.quit()
    assert not backend.mail_sessions()


VECTORS = SUITES / "proxy-dev" / "vectors.json"


def vectors():
    if not VECTORS.exists():
        return []
    data = json.loads(VECTORS.read_text(encoding="utf-8"))
    return [vector for group in data.values() if isinstance(group, list) for vector in group]


def judge_vector(gate, vector):
    """A valid header gets the banner and names its client; a bad one never names a client."""
    raw = base64.b64decode(vector["b64"])
    family = vector.get("family")
    offset = gate.mark()
    with gate.client(first=raw, banner=False) as smtp:
        if not vector["valid"] or family not in ("TCP4", "TCP6", "UNKNOWN", "UNSPEC"):
            smtp.sock.shutdown(socket.SHUT_WR)
            try:
                while smtp.reply().code != 250:  # the untrusted's dialogue, if any
                    pass
                raise AssertionError("250 to a bad header")
            except Closed:
                pass
        else:
            smtp.expect(220)
            smtp.cmd("QUIT", 221)
    if vector["valid"] and vector.get("src"):
        gate.wait_log(re.escape(vector["src"].replace("::ffff:", "")), offset)


def test_the_proxy_suite_as_a_whole(gatepost, backend):
    if not vectors():
        pytest.skip("no conformance suites here")
    gate = gatepost(backend, listen=LOOP, timeouts={"proxy-header": "1s"},
                    limits={"errors-soft": 1000, "errors-hard": 1000})
    failures = []
    for i, vector in enumerate(vectors()):
        try:
            judge_vector(gate, vector)
        except (AssertionError, OSError) as fault:
            failures.append(f"{i} {vector}: {fault}")
    print(f"proxy-dev: {len(vectors()) - len(failures)}/{len(vectors())}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("version", [1, 2])
def test_haproxy_in_front_names_the_client(gatepost, backend, haproxy, version):
    gate = gatepost(backend, listen=LOOP)
    front = haproxy(gate, version=version)
    with RawClient(front.address, source="127.0.0.66") as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    assert b"127.0.0.66" in backend.transactions[0].added


@pytest.mark.parametrize("version", [1, 2])
def test_haproxys_health_checks_are_no_errors(gatepost, backend, haproxy, version):
    gate = gatepost(backend, listen=LOOP)
    front = haproxy(gate, version=version, check=True)
    until(lambda: len(gate.entries("disconnect")) >= 3, "three health checks")
    with RawClient(front.address) as smtp:
        smtp.ehlo()
    assert not gate.entries("error")
    assert not [e for e in gate.entries() if e.level == "error"]


# XCLIENT from a trusted peer

def test_xclient_is_offered_and_believed_only_from_trusted_peers(gatepost, backend):
    gate = gatepost(backend, listen={"xclient-from": ["127.0.0.3/32"]},
                    relay={"networks": ["192.0.2.5/32"]})
    with gate.client() as smtp:
        assert "XCLIENT" not in smtp.ehlo()
        smtp.cmd("XCLIENT ADDR=192.0.2.5", (500, 502, 503, 550))
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550, "5.7.1")
    with gate.client(source="127.0.0.3") as smtp:
        assert "ADDR" in smtp.ehlo()["XCLIENT"].split()
        smtp.cmd("XCLIENT NAME=named.example ADDR=192.0.2.5 PORT=1234 HELO=they.example", 220)
        smtp.ehlo()
        smtp.envelope(recipients=("x@elsewhere.example",))
        smtp.data(message())
        smtp.quit()
    assert b"192.0.2.5" in backend.transactions[0].added
    gate.wait_log(r" transaction client=192\.0\.2\.5\b.*reply=\"250 ")


@pytest.mark.parametrize("words, code", [
    ("ADDR=IPV6:2001:db8::5", 220), ("ADDR=[UNAVAILABLE]", 220), ("NAME=[TEMPUNAVAIL]", 220),
    ("ADDR=300.1.1.1", 501), ("FOO=bar", 501), ("ADDR", 501), ("", 501), ("NAME=a+zz", 501),
    ("NAME=a+0Ab", 501)])
def test_xclient_syntax(gatepost, backend, words, code):
    gate = gatepost(backend, listen={"xclient-from": ["127.0.0.0/8"]})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(f"XCLIENT {words}".rstrip(), code)


def test_xclient_within_a_transaction_is_503(gatepost, backend):
    gate = gatepost(backend, listen={"xclient-from": ["127.0.0.0/8"]})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("XCLIENT ADDR=192.0.2.5", 503)


# Toward the backend

POSTFIX = {
    "xclient": ({"smtpd_authorized_xclient_hosts": "127.0.0.0/8"}, {}),
    "xforward": ({"smtpd_authorized_xforward_hosts": "127.0.0.0/8"}, {}),
    "proxy-v1": ({}, {"smtpd_upstream_proxy_protocol": "haproxy"}),
    "proxy-v2": ({}, {"smtpd_upstream_proxy_protocol": "haproxy"}),
}


@pytest.mark.parametrize("way", POSTFIX)
def test_postfix_sees_the_clients_address(gatepost, postfix, way):
    settings, smtpd = POSTFIX[way]
    server = postfix(settings=settings, smtpd=smtpd)
    gate = gatepost({"address": server, "client-address": way}, listen=LOOP)
    deliver(gate, first=v1("192.0.2.99", 12345))
    trace = server.messages(1)[0].data
    if way == "xforward":
        server.wait_log("client=unknown[192.0.2.99]")
    else:
        assert b"[192.0.2.99]" in trace.split(b"by backend.example.org")[0], trace
    assert b"HELO named.example.net" in trace or b"from named.example.net" in trace


def test_postfix_refuses_to_relay_for_a_stranger_seen_by_xclient(gatepost, postfix):
    server = postfix(settings=dict(POSTFIX["xclient"][0]))
    gate = gatepost({"address": server, "client-address": "xclient"}, listen=LOOP,
                    relay={"domains": ["elsewhere.example"]})
    with gate.client(first=v1("192.0.2.99")) as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<x@elsewhere.example>", 554)
        assert "Relay access denied" in reply.text


def last_session(backend):
    return backend.mail_sessions()[-1]


def test_xclient_says_what_the_backend_knows_addr_last_and_greets_again(gatepost, make_backend):
    backend = make_backend(["8BITMIME", "XCLIENT NAME ADDR PORT HELO PROTO DESTADDR DESTPORT"])
    gate = gatepost({"address": backend, "client-address": "xclient"}, listen=LOOP)
    deliver(gate, first=v1("2001:db8::5", 999))
    session = last_session(backend)
    commands = [line for line in session.lines if line.startswith(b"XCLIENT")]
    joined = b" ".join(commands)
    assert b"ADDR=IPV6:2001:db8::5" in commands[-1]
    assert b"PORT=999" in joined and b"HELO=named.example.net" in joined
    assert b"LOGIN" not in joined
    assert all(len(line) <= 510 for line in commands)
    assert session.verbs.index("MAIL") > session.verbs.index("XCLIENT")
    after = session.verbs[session.verbs.index("XCLIENT"):]
    assert after.index("EHLO") < after.index("MAIL")


@pytest.mark.parametrize("way", ["xclient", "xforward"])
def test_a_configured_way_the_backend_does_not_offer_is_a_fault_never_a_fallback(
        gatepost, make_backend, way):
    backend = make_backend(["8BITMIME"])
    gate = gatepost({"address": backend, "client-address": way})
    with gate.log_contains(r" backend-fault "):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", 451, "4.3.0")
    assert not backend.mail_sessions()


@pytest.mark.parametrize("reply", ["550 5.7.0 not you", "501 5.5.4 what", "421 4.3.2 bye"])
def test_a_refused_xclient_is_451(gatepost, make_backend, reply):
    backend = make_backend(["8BITMIME", "XCLIENT NAME ADDR PORT HELO"], on={"XCLIENT": reply})
    gate = gatepost({"address": backend, "client-address": "xclient"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 451, "4.3.0")
    assert not backend.mail_sessions()


@pytest.mark.parametrize("way, client, header", [
    ("proxy-v1", "192.0.2.5", rb"PROXY TCP4 192\.0\.2\.5 \S+ 999 \d+$"),
    ("proxy-v1", "2001:db8::5", rb"PROXY TCP6 2001:db8::5 \S+ 999 \d+$"),
    ("proxy-v2", "192.0.2.5", re.escape(V2 + b"\x21\x11\0\x0c\xc0\0\x02\x05")),
    ("proxy-v2", "2001:db8::5", re.escape(V2 + b"\x21\x21\0\x24"
                                          + socket.inet_pton(socket.AF_INET6, "2001:db8::5")))])
def test_the_proxy_header_toward_the_backend(gatepost, make_backend, way, client, header):
    backend = make_backend(proxy=True)
    gate = gatepost({"address": backend, "client-address": way}, listen=LOOP)
    deliver(gate, first=v1(client, 999))
    session = last_session(backend)
    assert re.match(header, session.proxy), session.proxy
    # In one write, the first bytes, ahead of the greeting.
    assert session.writes[0].startswith(session.proxy)


def test_none_tells_nothing(gate, backend):
    deliver(gate)
    verbs = last_session(backend).verbs
    assert "XCLIENT" not in verbs and "XFORWARD" not in verbs


# Transparent, both directions (standards.md J)

@pytest.fixture
def wires(stack):
    why = netns.missing()
    if why:
        pytest.skip(why)
    made = netns.Wires()
    stack.callback(made.stop)
    return made


def test_tproxy_the_backend_sees_the_client_and_the_client_the_backend(gatepost, wires, stack):
    backend = wires.within(wires.backend, lambda: ScriptedBackend(host=netns.BACKEND, port=25))
    stack.callback(backend.stop)
    port = 2525
    ip = netns.ip
    ip("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100", namespace=wires.proxy)
    ip("rule", "add", "fwmark", "1", "lookup", "100", namespace=wires.proxy)
    ip("rule", "add", "iif", "lan", "ipproto", "tcp", "sport", "25", "lookup", "100",
       namespace=wires.proxy)
    wires.run(wires.proxy, "nft", "-f", "-", data=f"""
table inet gate {{ chain pre {{ type filter hook prerouting priority mangle;
  meta l4proto tcp socket transparent 1 meta mark set 1 accept
  iifname "wan" tcp dport 25 tproxy ip to :{port} meta mark set 1 accept
}}
}}""")
    gate = gatepost({"address": "original", "client-address": "tproxy"}, start=False,
                    listen={"address": [f"0.0.0.0:{port}"], "transparent": True},
                    wrap=["ip", "netns", "exec", wires.proxy])
    gate.start()
    smtp = wires.within(wires.client, lambda: RawClient((netns.BACKEND, 25)))
    with smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    kept = backend.transactions[0]
    assert kept.session.peer[0] == netns.CLIENT
    assert netns.CLIENT.encode() in kept.added


def test_tproxy_outward_alone_with_a_plain_listener(gatepost, wires, stack):
    backend = wires.within(wires.backend, lambda: ScriptedBackend(host=netns.BACKEND, port=25))
    stack.callback(backend.stop)
    netns.ip("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100",
             namespace=wires.proxy)
    netns.ip("rule", "add", "iif", "lan", "ipproto", "tcp", "sport", "25", "lookup", "100",
             namespace=wires.proxy)
    gate = gatepost({"address": f"{netns.BACKEND}:25", "client-address": "tproxy"},
                    listen={"address": [f"{netns.PROXY_OUT}:25"]},
                    wrap=["ip", "netns", "exec", wires.proxy])
    gate.addresses["mx"] = (netns.PROXY_OUT, 25)
    smtp = wires.within(wires.client, gate.client)
    with smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    assert backend.transactions[0].session.peer[0] == netns.CLIENT
