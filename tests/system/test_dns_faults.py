# SPDX-License-Identifier: ISC
"""DNS that lies, is late or is gone: mail flows within the deadline, abstentions are told, a fault is
never a 5xx, and what can be learnt all the same is."""

import re
import time

import pytest

from harness.dns import (Bytes, CnameLoop, Delay, Drop, Forward, Rcode, Records, Truncated, WrongId,
                         arpa, list_key)
from harness.visitor import CLEAN, LISTED, Visit, at_once
from harness.wait import until

ZEN, ALSO, NAMES = ("dnsbl", "zen.example"), ("dnsbl", "also.example"), ("rhsbl", "names.example")
FAMILIES = pytest.mark.parametrize("family", [4, 6])
# All that asks, and every finding of it would refuse.
ALL = {ZEN: {"mode": "reject", "score": 1}, NAMES: {"mode": "reject", "score": 1},
       "reverse-dns": {"mode": "reject"}, "helo": {"mode": "reject"},
       "sender-domain": {"mode": "reject"}}
DEADLINE = 5
EVERYBODY = [CLEAN[4], LISTED[4], CLEAN[6], LISTED[6]]


@pytest.fixture
def world(dns):
    """In which CLEAN are clean and LISTED listed, everybody with a good name."""
    dns.zone("zen.example").list(LISTED[4]).list(LISTED[6])
    dns.zone("names.example")
    for client in (*CLEAN.values(), *LISTED.values()):
        dns.client(client, "client.example.net")
    dns.add("example.net", "MX", "10 client.example.net")
    return dns


def passes(gate, client, least=0.0):
    """Within the deadline, nothing counted, and what could not be told is told."""
    began = time.monotonic()
    visit = Visit(gate, client).accepted()
    took = time.monotonic() - began
    assert least <= took < DEADLINE + 2, took
    assert not visit.scores() and visit.abstained(), visit.entry
    return visit


def test_the_world_as_it_should_be(guard, world):
    gate = guard(ALL)
    for family in (4, 6):
        assert not Visit(gate, CLEAN[family]).accepted().findings
        Visit(gate, LISTED[family]).refused()


# Quick faults: every kind of answer that is none, for everything at once

QUICK = {
    "SERVFAIL": Rcode("SERVFAIL"), "REFUSED": Rcode("REFUSED"), "NOTIMP": Rcode("NOTIMP"),
    "FORMERR": Rcode("FORMERR"), "NOTAUTH": Rcode("NOTAUTH"), "CNAME loop": CnameLoop(),
    "twelve octets": Bytes(b"\x81\x80" + b"\0\1\0\1\0\0\0\0"),
    "an answer cut off": Bytes(b"\x81\x80\0\1\0\1\0\0\0\0\4clie"),
    "compression that loops": Bytes(b"\x81\x80\0\0\0\1\0\0\0\0\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4"),
    "garbage": Bytes(bytes(range(256)) * 4),
}


@pytest.mark.parametrize("fault", QUICK)
def test_answers_that_are_none(guard, world, fault):
    gate = guard(ALL, resolver={"query-timeout": "500ms", "timeout": "1s"})
    lie = world.rule("*", QUICK[fault])
    for visit in at_once(lambda client: passes(gate, client), EVERYBODY):
        assert {"zen.example", "reverse-dns", "helo", "sender-domain"} <= set(visit.abstained())
    world.drop_rule(lie)
    for family in (4, 6):
        until(lambda: Visit(gate, LISTED[family]).rcpt.code == 550, "the lists are asked again")
        until(lambda: not Visit(gate, CLEAN[family]).accepted().findings, "all is well again")


# Slow and silent

@pytest.mark.slow
@pytest.mark.parametrize("fault", [Delay(9), Drop(), WrongId()],
                         ids=["nine seconds", "silence", "another's id"])
def test_nothing_comes_within_the_deadline(guard, world, fault):
    """All the default times. Side by side, since nobody waits for another."""
    gate = guard(ALL)
    world.rule("*", fault)
    for visit in at_once(lambda client: passes(gate, client, 1), EVERYBODY):
        assert {"zen.example", "reverse-dns", "helo", "sender-domain"} <= set(visit.abstained())


def test_an_answer_to_another_question_is_not_believed(guard, world):
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    world.rule(list_key(CLEAN[4], "zen.example"), WrongId(truth=True))
    assert not Visit(gate, CLEAN[4]).accepted().findings


def test_one_slow_zone_delays_only_itself(guard, world):
    world.zone("also.example").list(LISTED[4])
    world.rule(list_key(LISTED[4], "also.example"), Delay(9))
    gate = guard({ZEN: {"score": 5}, ALSO: {"score": 4}},
                 resolver={"query-timeout": "700ms", "timeout": "1400ms"})
    began = time.monotonic()
    visit = Visit(gate, LISTED[4]).accepted()
    assert time.monotonic() - began < 4
    assert visit.score == 5 and "also.example" in visit.abstained()


def test_a_rule_that_has_spoken_does_not_wait_for_the_silent(guard, world):
    world.zone("also.example")
    world.rule("*.also.example", Drop())
    gate = guard({ZEN: {"mode": "reject", "score": 1},
                  ALSO: {"score": 5, "listed": "off", "clean": "off"}}, probed=False)
    until(lambda: "zen.example" in Visit(gate, LISTED[6], recipients=["postmaster@example.org"])
          .scores(), "the list is probed")
    began = time.monotonic()
    Visit(gate, LISTED[4]).refused()
    assert time.monotonic() - began < 2


@pytest.mark.slow
def test_a_lost_packet_is_asked_again(guard, world):
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    lost = []

    def lose(server, query):
        lost.append(query)
        return [] if len(lost) == 1 else None
    world.rule(list_key(LISTED[4], "zen.example"), lose)
    began = time.monotonic()
    Visit(gate, LISTED[4]).refused()
    assert len(lost) >= 2 and time.monotonic() - began < DEADLINE


# Truncation

@FAMILIES
def test_truncation_leads_to_tcp(guard, world, family):
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    world.rule("*.zen.example", Truncated())
    Visit(gate, LISTED[family]).refused()
    Visit(gate, CLEAN[family]).accepted()
    key = list_key(LISTED[family], "zen.example")
    assert [q.transport for q in world.asked(key)] == ["udp", "tcp"]


def test_truncation_where_tcp_is_refused(guard, make_dns):
    dns = make_dns(tcp=False)
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, dns=dns)
    dns.rule("*.zen.example", Truncated())
    for client in (LISTED[4], CLEAN[4]):
        assert "zen.example" in passes(gate, client).abstained()


def test_a_large_answer_comes_by_tcp(guard, world):
    """A hundred and more MX hosts do not fit in a datagram."""
    names = [f"{i} mx{i}.{'a' * 40}.example.net" for i in range(120)]
    world.remove("example.net", "MX")
    world.add("example.net", "MX", *names)
    world.host(names[0].split(" ")[1], "192.0.2.1")
    gate = guard({"sender-domain": {"mode": "reject"}})
    assert not Visit(gate, CLEAN[4]).accepted().scores()
    assert {q.transport for q in world.asked("example.net", "MX")} == {"udp", "tcp"}


# Rewriting, and lies that fit

@FAMILIES
@pytest.mark.parametrize("address", ["198.51.100.200", "127.0.0.1", "10.0.0.1", "0.0.0.0"])
def test_a_resolver_that_rewrites_nxdomain_lists_nobody(guard, world, family, address):
    def rewrite(server, query):
        reply = server.lookup(query)
        return Records(address)(server, query) if reply.header.rcode == 3 and query.type == "A" \
            else None
    world.rule("*", rewrite)
    gate = guard({ZEN: {"mode": "reject", "score": 1}, NAMES: {"mode": "reject", "score": 1}})
    visit = Visit(gate, CLEAN[family]).accepted()
    assert not visit.scores() and "zen.example" in visit.abstained()


@FAMILIES
def test_a_cname_loop_is_bounded(guard, world, family):
    world.rule("client.example.net", CnameLoop())
    world.rule("loop-client.example.net", CnameLoop())
    gate = guard({"helo": {"mode": "reject"}})
    began = time.monotonic()
    visit = Visit(gate, CLEAN[family])
    assert time.monotonic() - began < DEADLINE + 2
    assert visit.rcpt.code == 250 and len(world.queries) < 100


def test_a_long_chain_of_cnames_is_bounded(guard, world):
    for i in range(60):
        world.add(f"c{i}.example.net", "CNAME", f"c{i + 1}.example.net")

    def one(server, query):
        match = re.fullmatch(r"c(\d+)\.example\.net", query.name)
        return Records(f"c{int(match[1]) + 1}.example.net")(server, query) if match and \
            query.type == "CNAME" else None
    world.rule("*.example.net", one)
    gate = guard({"helo": {"mode": "reject"}})
    Visit(gate, CLEAN[4], helo="c0.example.net")
    assert len(world.queries) < 100


@pytest.mark.parametrize("name", [b"a b", b"\xff\x00\x01", b"a.b", b"a\\b", b"%s%n", b"x" * 63,
                                  b"\"; verdict=pass", b"${jndi:ldap}"])
def test_ptr_with_odd_characters(guard, world, name):
    world.remove(arpa(CLEAN[4]))
    world.ptr(CLEAN[4], name)
    gate = guard({**ALL, "reverse-dns": {"score": 1, "unconfirmed": 1}})
    visit = Visit(gate, CLEAN[4]).accepted()
    assert visit.score <= 3 and visit.entry.field["verdict"] in ("pass", "suspicious")


# Gone altogether

def test_without_any_server_mail_flows(guard, world, ports):
    nobody = ports.take()
    gate = guard(ALL, probed=False, dns=("127.0.0.1", nobody))
    for client in EVERYBODY:
        assert "zen.example" in passes(gate, client).abstained()


def test_with_the_first_of_two_servers_gone_the_second_answers(guard, world, ports):
    nobody = f"127.0.0.1:{ports.take()}"
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, resolver={
        "servers": [nobody, f"127.0.0.1:{world.address[1]}"], "query-timeout": "500ms"})
    Visit(gate, LISTED[4]).refused()
    Visit(gate, CLEAN[4]).accepted()


def test_a_server_on_ipv6(guard, make_dns):
    dns = make_dns(host="::1")
    dns.zone("zen.example").list(LISTED[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}}, dns=dns)
    Visit(gate, LISTED[4]).refused()


def test_a_reload_takes_another_server(guard, world, make_dns):
    other = make_dns()
    other.zone("zen.example").list(CLEAN[4])
    gate = guard({ZEN: {"mode": "reject", "score": 1}})
    Visit(gate, LISTED[4]).refused()
    gate.config["dns"] = {"servers": [f"127.0.0.1:{other.address[1]}"]}
    gate.write()
    gate.reload()
    until(lambda: Visit(gate, CLEAN[4]).rcpt.code == 550, "the other server is asked")
    Visit(gate, LISTED[4]).accepted()


def test_rbldnsd_that_dies_lets_mail_flow(guard, world, rbldnsd):
    server = rbldnsd(("bl.example", "ip4set", [":127.0.0.2:", "127.0.0.2", "203.0.113.0/24"]))
    world.rule("*.bl.example", Forward(server))
    gate = guard({("dnsbl", "bl.example"): {"mode": "reject", "score": 1}})
    Visit(gate, LISTED[4]).refused()
    server.stop()
    assert "bl.example" in passes(gate, "203.0.113.77").abstained()


# Many at once

@pytest.mark.slow
def test_a_hundred_clients_of_a_slow_resolver(guard, world):
    world.rule("*", Delay(0.5))
    gate = guard(ALL, limits={"sessions": 500})
    began = time.monotonic()
    visits = at_once(lambda i: Visit(gate, f"198.51.100.{i}"), range(1, 101))
    assert time.monotonic() - began < 30
    assert all(v.rcpt is not None and v.rcpt.code in (250, 550) for v in visits)
