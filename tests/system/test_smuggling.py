# SPDX-License-Identifier: ISC
"""SMTP smuggling (CVE-2023-51764 and its kin): the suite smtp-smuggling-dev, and what else a sender
may hide a second message behind. Never two messages, never a bare CR, LF or NUL passed on."""

import base64
import json
import re

import pytest

from harness import SUITES
from harness.client import Closed, message
from harness.wait import until

SUITE = SUITES / "smtp-smuggling-dev" / "eod-sequences.json"
SEQUENCES = ([(s["bytes_repr"], base64.b64decode(s["b64"]))
              for s in json.loads(SUITE.read_text(encoding="utf-8"))["sequences"]]
             if SUITE.exists() else [])
MORE = [(repr(s), s) for s in (
    b"\r\n.\x00\r\n", b"\r\n.\r\x00\n", b"\r\n\r.\r\n", b"\n\r.\r\n", b"\r\n.\n\r\n", b"\n\n.\n\n",
    b"\r\n.\r\r\n.\r", b"\x0b.\x0b", b"\x85.\x85", b"\xe2\x80\xa8.\xe2\x80\xa8", b"\r\n.\x0c\r\n",
    b"\r\n. \r\n", b"\r\n.\t\r\n")]
SMUGGLED = (b"MAIL FROM:<smuggled@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n"
            b"From: <smuggled@example.net>\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n")
BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\0")
POLICIES = ["reject", "normalize"]


def attack(gate, sequence):
    """Sends the sequence within a message, then a smuggled one; the codes heard after 354."""
    codes = []
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        try:
            smtp.send(message(b"outer body") + sequence + SMUGGLED)
            # The smuggled end is an honest end of data of the outer message.
            codes.append(smtp.reply().code)
            smtp.line("QUIT")
            while True:
                codes.append(smtp.reply().code)
        except (Closed, OSError):
            pass
    return codes


def judge(gate, backend, sequence, policy):
    before = len(backend.transactions)
    codes = attack(gate, sequence)
    kept = backend.transactions[before:]
    assert len(kept) <= 1, "two messages"
    assert codes.count(250) <= 1 and 354 not in codes, codes
    for transaction in kept:
        assert b"smuggled@" not in transaction.mail
        assert not BARE.search(transaction.data), transaction.data
    if b"\0" in sequence or (policy == "reject" and BARE.search(sequence)):
        assert codes and codes[0] == 550, codes
        assert not kept
    else:
        assert codes and codes[0] == 250, codes
        assert len(kept) == 1
    assert not backend.faults


@pytest.mark.parametrize("policy", POLICIES)
def test_other_ends_of_data_never_make_two_messages(gatepost, backend, policy):
    gate = gatepost(backend, bare_newline=policy)
    for _, sequence in MORE:
        judge(gate, backend, sequence, policy)


def test_the_suite_as_a_whole(gatepost, backend):
    if not SEQUENCES:
        pytest.skip("no conformance suites here")
    gates = {p: gatepost(backend, bare_newline=p) for p in POLICIES}
    passed, failures = 0, []
    for name, sequence in SEQUENCES:
        try:
            for policy, gate in gates.items():
                judge(gate, backend, sequence, policy)
            passed += 1
        except AssertionError as fault:
            failures.append(f"{name} ({policy}): {fault}")
    print(f"smtp-smuggling-dev: {passed}/{len(SEQUENCES)}")
    assert not failures, "\n".join(failures)


def test_reject_says_550_5_5_2_and_closes(gatepost, backend):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"a\nb\r\n") + b".\r\n")
        smtp.expect(550, "5.5.2")
        smtp.eof()
    assert not backend.transactions


@pytest.mark.parametrize("chunk", [b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n", b"a\r\r\nb\r\n",
                                   b"\n.\n", b"a\r"])
def test_a_bare_newline_by_bdat_is_refused_too(gatepost, backend, chunk):
    gate = gatepost(backend, learn=["CHUNKING"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        text = message(chunk)
        smtp.send(b"BDAT %d LAST\r\n" % len(text) + text)
        smtp.expect(550, "5.5.2")
    assert not backend.transactions


@pytest.mark.parametrize("split", range(1, 6))
def test_a_sequence_cut_over_two_segments_is_seen_all_the_same(gatepost, backend, split):
    gate = gatepost(backend)
    for sequence in (b"\r\n.\r\r\n", b"\n.\r\n\r\n", b"x\r\n\0.\r\n"):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.cmd("DATA", 354)
            smtp.send(message(b"a") + sequence[:split])
            # The first half has surely been read once a second connection was served.
            with gate.client() as other:
                other.cmd("NOOP", 250)
            smtp.send(sequence[split:] + SMUGGLED)
            smtp.expect(550, "5.5.2")
    assert not backend.transactions


def test_normalize_makes_every_line_end_a_crlf(gatepost, backend):
    gate = gatepost(backend, bare_newline="normalize")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"one\ntwo\r\nthree\n") + b"\r\n.\r\n")
        smtp.expect(250)
    kept = backend.wait_transactions(1)[0]
    assert b"one\r\ntwo\r\nthree\r\n" in kept.data
    until(lambda: gate.entries("transaction"), "the transaction's line")
