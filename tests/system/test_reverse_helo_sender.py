# SPDX-License-Identifier: ISC
"""What clients and senders are called: reverse-dns, helo, sender-domain; each finding, in each mode,
of IPv4 and IPv6, and that a fault of DNS is never one."""

import pytest

from harness.dns import Delay, Rcode, Records, arpa
from harness.visitor import CLEAN, SERVER, Visit, Visitor, at_once

FAMILIES = pytest.mark.parametrize("family", [4, 6])
# (mode, score of the finding, what refuses it)
MODES = pytest.mark.parametrize("mode, score, by", [
    ("off", 6, None), ("observe", 6, None), ("score", 6, "score"), ("score", 1, None),
    ("reject", 1, "rule")])


def judge(visit, label, mode, score, by, enhanced="5.7.1"):
    """The one finding, counted as its mode says."""
    if by:
        visit.refused(enhanced=enhanced if by == "rule" else "5.7.1")
        assert visit.verdict == ("reject", by)
    else:
        visit.accepted()
    wanted = {label: score}
    assert visit.observed() == (wanted if mode == "observe" else {})
    assert visit.scores() == (wanted if mode in ("score", "reject") else {})
    assert visit.score == (score if mode in ("score", "reject") else 0)


# reverse-dns

REVERSE = {"score": 0.25, "unconfirmed": 0.25, "dynamic": 0.25, "holds-address": 0.25}
HOLDING = {4: "host-198-51-100-7.isp.example.net",
           6: "2001-db8-900d-0-0-0-0-7.isp.example.net"}


def other(family, i):
    """One more address beside CLEAN."""
    return f"198.51.100.{20 + i}" if family == 4 else f"2001:db8:900d::{20 + i}"


@FAMILIES
@MODES
def test_a_reverse_name_in_each_mode(guard, dns, family, mode, score, by):
    none, unconfirmed, dynamic = (other(family, i) for i in range(3))
    holding = CLEAN[family]
    dns.ptr(unconfirmed, "mail.example.net").host("mail.example.net", "192.0.2.1", "2001:db8::1")
    dns.client(dynamic, "dsl-7.dyn.pool.example.net").client(holding, HOLDING[family])
    gate = guard({"reverse-dns": {"mode": mode, **dict.fromkeys(REVERSE, score)}})

    def come(client, label, enhanced):
        judge(Visit(gate, client), f"reverse-dns.{label}", mode, score, by, enhanced)
        assert bool(dns.asked(arpa(client))) is (mode != "off")
    at_once(lambda case: come(*case), [
        (none, "none", "5.7.25"), (unconfirmed, "unconfirmed", "5.7.25"),
        (dynamic, "dynamic", "5.7.1"), (holding, "holds-address", "5.7.1")])


@FAMILIES
def test_a_name_that_does_not_lead_back(guard, dns, family):
    gone, wrong_family = other(family, 0), other(family, 1)
    dns.ptr(gone, "gone.example.net")
    dns.ptr(wrong_family, "mail.example.net").host("mail.example.net", other(10 - family, 1))
    gate = guard({"reverse-dns": REVERSE})
    for client in (gone, wrong_family):
        assert Visit(gate, client).accepted().scores() == {"reverse-dns.unconfirmed": 0.25}


@FAMILIES
def test_a_name_that_leads_back_is_good(guard, dns, family):
    gate = guard({"reverse-dns": REVERSE})
    for i, names in enumerate((["mail.example.net"], ["gone.example.net", "mail.example.net"],
                               ["MAIL.Example.NET"], ["smtp-out3.example.net"])):
        for name in names:
            if "gone" not in name:
                dns.host(name, "192.0.2.200", other(family, i), "2001:db8::200")
        dns.ptr(other(family, i), *names)
        assert not Visit(gate, other(family, i)).accepted().findings, names


def test_a_name_that_leads_back_by_a_cname_is_good(guard, dns):
    dns.ptr(CLEAN[4], "alias.example.net").add("alias.example.net", "CNAME", "mail.example.net")
    dns.host("mail.example.net", CLEAN[4])
    assert not Visit(guard({"reverse-dns": REVERSE}), CLEAN[4]).accepted().findings


def test_a_delegated_reverse_zone_is_followed(guard, dns):
    """RFC 2317: the address's own name is a CNAME."""
    dns.add(arpa(CLEAN[4]), "CNAME", "7.0-15.100.51.198.in-addr.arpa")
    dns.add("7.0-15.100.51.198.in-addr.arpa", "PTR", "mail.example.net")
    dns.host("mail.example.net", CLEAN[4])
    assert not Visit(guard({"reverse-dns": REVERSE}), CLEAN[4]).accepted().findings


@pytest.mark.parametrize("name, found", [
    ("vip-3.bad-neighbours.example.net", True), ("mail.example.net", False)])
def test_patterns_can_be_set(guard, dns, name, found):
    dns.client(CLEAN[4], name)
    gate = guard({"reverse-dns": {**REVERSE, "patterns": [r"^vip-\d+\.", r"(?:never)+$"]}})
    visit = Visit(gate, CLEAN[4]).accepted()
    assert (visit.scores() == {"reverse-dns.dynamic": 0.25}) is found


ODD = [b"with space", b"semi;colon+9", b"dot.inside", b"\xff\xfe\x00", b'quo"te', b"back\\slash",
       b"\r\n250 ok", b"[192.0.2.1]", b"*", b"under_score"]


def test_odd_names_are_no_names_and_do_no_harm(guard, dns):
    gate = guard({"reverse-dns": REVERSE})
    for i, odd in enumerate(ODD):
        dns.ptr(other(4, i), odd)
        visit = Visit(gate, other(4, i)).accepted()
        assert visit.findings and set(visit.scores()) <= {
            "reverse-dns.none", "reverse-dns.unconfirmed"}, (odd, visit.entry)


def test_an_odd_name_beside_a_good_one_is_passed_over(guard, dns):
    dns.ptr(CLEAN[4], b"odd name")
    dns.client(CLEAN[4], "mail.example.net")
    assert not Visit(guard({"reverse-dns": REVERSE}), CLEAN[4]).accepted().findings


def test_a_hundred_names_are_bounded(guard, dns):
    names = [f"n{i}.example.net" for i in range(100)]
    dns.ptr(CLEAN[4], *names)
    visit = Visit(guard({"reverse-dns": REVERSE}), CLEAN[4]).accepted()
    assert len(dns.asked("*.example.net", "A")) <= 10
    assert not visit.scores() and "reverse-dns" in visit.abstained()


FAULTS = pytest.mark.parametrize("action", [Rcode("SERVFAIL"), Rcode("REFUSED"), Delay(6)],
                                 ids=["SERVFAIL", "REFUSED", "late"])
HASTY = {"query-timeout": "500ms", "timeout": "1s"}


@FAULTS
def test_a_fault_of_the_clients_dns_is_no_finding(guard, dns, action):
    gate = guard({"reverse-dns": {**REVERSE, "mode": "reject"}}, resolver=HASTY)
    for i, fault in enumerate((arpa(other(4, 0)), "mail1.example.net")):
        dns.client(other(4, i), f"mail{i}.example.net")
        dns.rule(fault, action)
        visit = Visit(gate, other(4, i)).accepted()
        assert not visit.scores() and "reverse-dns" in visit.abstained()


# helo

HELO = {"score": 0.25, "not-fqdn": 0.25, "own-name": 0.25, "literal": 0.25, "unresolved": 0.25}


def literal(address):
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


@FAMILIES
@MODES
def test_a_helo_in_each_mode(guard, family, mode, score, by):
    gate = guard({"helo": {"mode": mode, **dict.fromkeys(HELO, score)}})
    at_once(lambda case: judge(Visit(gate, CLEAN[family], helo=case[0]), f"helo.{case[1]}", mode,
                               score, by, case[2]), [
        ("short", "not-fqdn", "5.5.2"), ("mx.example.org", "own-name", "5.7.1"),
        ("MX.Example.ORG", "own-name", "5.7.1"), (literal(SERVER[family]), "own-name", "5.7.1"),
        ("[192.0.2.99]", "literal", "5.7.1"), ("[IPv6:2001:db8::99]", "literal", "5.7.1"),
        ("gone.example.net", "unresolved", "5.7.1"), ("198.51.100.7", "syntax", "5.5.2"),
        ("host.localhost", "unresolved", "5.7.1")])


@FAMILIES
def test_a_good_helo(guard, dns, family):
    dns.host("client.example.net", "192.0.2.200").host("six.example.net", "2001:db8::200")
    dns.add("alias.example.net", "CNAME", "six.example.net")
    dns.host("under_score.example.net", "192.0.2.201")
    gate = guard({"helo": {**HELO, "mode": "reject"}})
    for helo in ("client.example.net", "Client.EXAMPLE.net", literal(CLEAN[family]),
                 "six.example.net", "alias.example.net", "under_score.example.net"):
        assert not Visit(gate, CLEAN[family], helo=helo).accepted().findings, helo


def test_another_helo_is_judged_anew(guard, dns):
    dns.host("client.example.net", "192.0.2.200")
    gate = guard({"helo": {**HELO, "mode": "reject"}})
    with Visitor(gate, CLEAN[4]) as smtp:
        for helo, code in (("short", 550), ("client.example.net", 250), ("gone.example.net", 550),
                           ("client.example.net", 250)):
            smtp.ehlo(helo)
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", code)
            smtp.cmd("RSET", 250)


@FAULTS
def test_a_helo_whose_dns_fails_is_no_finding(guard, dns, action):
    gate = guard({"helo": {**HELO, "mode": "reject"}}, resolver=HASTY)
    for kind in ("A", "AAAA", None):
        dns.rule(f"{kind}.example.net", action, kind)
        visit = Visit(gate, CLEAN[4], helo=f"{kind}.example.net").accepted()
        assert not visit.scores() and "helo" in visit.abstained()


# sender-domain

SENDER = {"score": 0.25, "null-mx": 0.25, "private": 0.25}


@FAMILIES
@MODES
def test_a_senders_domain_in_each_mode(guard, dns, family, mode, score, by):
    dns.add("empty.example.net", "TXT", "exists, takes no mail")
    dns.add("mx-gone.example.net", "MX", "10 gone.example.net", "20 gone2.example.net")
    dns.add("null.example.net", "MX", "0 .").host("null.example.net", "192.0.2.1")
    dns.host("loopback.example.net", "127.0.0.1").host("loopback6.example.net", "::1")
    dns.add("private.example.net", "MX", "10 mx.private.example.net")
    dns.host("mx.private.example.net", "10.0.0.1", "fd00::1")
    gate = guard({"sender-domain": {"mode": mode, **dict.fromkeys(SENDER, score)}})

    def come(domain, label):
        visit = Visit(gate, CLEAN[family], sender=f"someone@{domain}.Example.net")
        enhanced = visit.rcpt.enhanced if by == "rule" else "5.7.1"  # whatever code is its own
        judge(visit, f"sender-domain.{label}", mode, score, by, enhanced)
        assert enhanced.startswith("5.")
    at_once(lambda case: come(*case), [
        ("gone", "unresolved"), ("Empty", "unresolved"), ("mx-gone", "unresolved"),
        ("null", "null-mx"), ("loopback", "private"), ("loopback6", "private"),
        ("Private", "private")])


GOOD = {"mx": ["10 mx.example.net"], "second-mx": ["10 gone.example.net", "20 mx.example.net"],
        "mx6": ["10 mx6.example.net"], "in-and-out": ["10 in.example.net", "20 mx.example.net"]}


def test_a_domain_that_takes_mail(guard, dns):
    dns.host("mx.example.net", "192.0.2.1").host("mx6.example.net", "2001:db8::1")
    dns.host("in.example.net", "10.0.0.1")
    dns.host("a.example.net", "192.0.2.1").host("aaaa.example.net", "2001:db8::1")
    dns.add("cname.example.net", "CNAME", "a.example.net")
    for name, hosts in GOOD.items():
        dns.add(f"{name}.example.net", "MX", *hosts)
    gate = guard({"sender-domain": {**SENDER, "mode": "reject"}})
    for name in (*GOOD, "a", "aaaa", "cname"):
        visit = Visit(gate, CLEAN[4], sender=f"someone@{name}.example.net").accepted()
        assert not visit.findings, (name, visit.entry)


def test_the_null_sender_has_no_domain(guard, dns):
    gate = guard({"sender-domain": {**SENDER, "mode": "reject"}})
    visit = Visit(gate, CLEAN[4], sender="").accepted()
    assert not visit.findings and not dns.queries


def test_senders_that_no_mail_can_go_back_to_are_not_even_asked_for(guard, dns):
    gate = guard({"sender-domain": SENDER})
    for sender in ("a@localhost.localhost", "a@host.local", "a@x.invalid", "a@[127.0.0.1]",
                   "a@[10.1.2.3]"):
        visit = Visit(gate, CLEAN[4], sender=sender).accepted()
        assert set(visit.scores()) < {"sender-domain.unresolved", "sender-domain.private"}, sender
        assert visit.scores() and not dns.queries


@FAULTS
def test_a_sender_whose_dns_fails_is_no_finding(guard, dns, action):
    gate = guard({"sender-domain": {**SENDER, "mode": "reject"}}, resolver=HASTY)
    dns.add("target.example.net", "MX", "10 mx.example.net")
    dns.add("a-fails.example.net", "TXT", "exists")
    for domain, name, kind in (("mx-fails", "mx-fails", "MX"), ("a-fails", "a-fails", "A"),
                               ("target", "mx", None)):
        dns.rule(f"{name}.example.net", action, kind)
        visit = Visit(gate, CLEAN[4], sender=f"someone@{domain}.example.net").accepted()
        assert not visit.scores() and "sender-domain" in visit.abstained(), domain


def test_a_rewriting_resolver_makes_every_name_good_not_bad(guard, dns):
    dns.rule("*", Records("198.51.100.200"), "A")
    dns.add("from.example.net", "MX", "10 mx.example.net")
    gate = guard({"sender-domain": {"mode": "reject"}, "helo": {"mode": "reject"}})
    Visit(gate, CLEAN[4], sender="someone@from.example.net").accepted()
