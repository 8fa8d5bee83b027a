# SPDX-License-Identifier: ISC
"""What the client sent is what the backend gets, octet for octet, but for one Received field in
front, and below it what is said of its authentication."""

import hashlib
import random
import re

import pytest

from harness.backend import is_head
from harness.client import message, stuffed

RNG = random.Random(5321)
EVERY_OCTET = bytes(o for o in range(256) if o not in (0, 10, 13))
HEAD = b"From: a@example.net\r\nSubject: x\r\n\r\n"


def random_text(size):
    """Text lines of all lengths with octets 1..255, CR and LF only as CRLF."""
    out = bytearray(HEAD)
    while len(out) < size:
        out += bytes(RNG.choice(EVERY_OCTET) for _ in range(RNG.randint(0, 200))) + b"\r\n"
    return bytes(out)


MESSAGES = {
    "plain": message(),
    "8-bit": message("Grüße, 日本語\r\n".encode() + EVERY_OCTET + b"\r\n"),
    "leading dots": message(b".\r\n..\r\n...\r\n.x\r\n..y\r\n \r\n.\r\n"),
    "first octet a dot": b".From: x\r\n\r\nbody\r\n",
    "empty message": b"",
    "only an empty line": b"\r\n",
    "empty body": b"From: a@example.net\r\nSubject: x\r\n",
    "header, empty line, no body": HEAD,
    "no header": b"\r\nonly a body\r\n",
    "body that is no header": b"this is no header at all\r\n",
    "folded first field": b"Subject: a\r\n b\r\n\tc\r\n\r\nbody\r\n",
    "continuation line first": b" folded from nowhere\r\n\r\nbody\r\n",
    "own Received below": b"Received: from x by y; today\r\n" + HEAD + b"body\r\n",
    "100 KiB line": message(b"x" * 102400 + b"\r\n"),
    "dots at 64 KiB borders": message((b"y" * 65530 + b"\r\n.\r\n") * 4 + b".\r\n"),
    "random 300 KiB": random_text(300000),
    "trailing white space": message(b"a \t \r\n \r\n\t\r\n"),
    "From_ line": b"From a@example.net Mon\r\nSubject: x\r\n\r\n>From b\r\nFrom c\r\n",
}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def same(transaction, sent):
    added = transaction.data[:len(transaction.data) - len(sent)]
    assert digest(transaction.data[len(added):]) == digest(sent), (
        transaction.data[:600], sent[:300], len(transaction.data), len(sent))
    assert is_head(added, folded=sent[:1] in (b" ", b"\t")), added
    assert all(len(line) <= 998 for line in added.split(b"\r\n"))


@pytest.mark.parametrize("name", MESSAGES)
def test_data_reaches_the_backend_unchanged(gate, backend, name):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(MESSAGES[name])
        smtp.quit()
    same(backend.transactions[0], MESSAGES[name])
    assert not backend.faults


@pytest.mark.parametrize("chunking", [True, False], ids=["chunking", "data-only"])
@pytest.mark.parametrize("name", ["plain", "8-bit", "leading dots", "first octet a dot",
                                  "empty message", "empty body", "100 KiB line",
                                  "random 300 KiB"])
def test_bdat_reaches_the_backend_unchanged(gatepost, make_backend, name, chunking):
    keywords = ["PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"]
    backend = make_backend(keywords + (["CHUNKING"] if chunking else []))
    gate = gatepost(backend, learn=True)
    sent = MESSAGES[name]
    with gate.client() as smtp:
        assert "CHUNKING" in smtp.ehlo()
        smtp.envelope()
        third = max(1, len(sent) // 3 + 1)
        chunks = [sent[i:i + third] for i in range(0, len(sent), third)] or [b""]
        for chunk in chunks[:-1]:
            smtp.bdat(chunk)
        smtp.bdat(chunks[-1], last=True)
        smtp.quit()
    same(backend.transactions[0], sent)


def test_bdat_chunks_may_cut_anywhere_even_between_cr_and_lf(gate, backend):
    sent = message(b"a\r\n.\r\nb\r\n..\r\n")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        for i in range(len(sent)):
            smtp.bdat(sent[i:i + 1])
        smtp.bdat(b"", last=True)
    same(backend.transactions[0], sent)


def test_bdat_message_without_a_final_crlf_is_unchanged_where_the_backend_takes_bdat_else_gets_one(
        gatepost, make_backend):
    sent = message(b"no line end")
    for keywords in (["8BITMIME", "CHUNKING"], ["8BITMIME"]):
        backend = make_backend(keywords)
        gate = gatepost(backend, learn=True)
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.bdat(sent, last=True)
        kept = backend.transactions[0]
        same(kept, sent if kept.verb == "BDAT" else sent + b"\r\n")


def test_fifty_megabytes_pass_unchanged(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost(backend, learn=True, limits={"message-size": "60M"})
    line = bytes(RNG.choice(EVERY_OCTET) for _ in range(998)) + b"\r\n"
    sent = HEAD + line * 50000 + b".end\r\n"
    with gate.client(timeout=90) as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(sent)
    same(backend.transactions[0], sent)


def test_a_pipelined_session_passes_unchanged(gate, backend):
    sent = message(b".dot\r\nbody\r\n")
    with gate.client() as smtp:
        smtp.send(b"EHLO client.example.net\r\n")
        smtp.expect(250)
        smtp.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n")
        for code in (250, 250, 354):
            smtp.expect(code)
        smtp.send(stuffed(sent) + b".\r\nMAIL FROM:<b@example.net>\r\n"
                  b"RCPT TO:<user@example.org>\r\nDATA\r\n")
        for code in (250, 250, 250, 354):
            smtp.expect(code)
        smtp.send(stuffed(sent) + b".\r\nQUIT\r\n")
        smtp.expect(250)
        smtp.expect(221)
        smtp.eof()
    assert [digest(t.message) for t in backend.transactions] == [digest(sent)] * 2


def test_octets_sent_one_by_one_pass_unchanged(gate, backend):
    sent = message(b"..a\r\n.\r\nb\r\n")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        for octet in stuffed(sent) + b".\r\n":
            smtp.send(bytes([octet]))
        smtp.expect(250)
    same(backend.transactions[0], sent)


@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_bytes_pass_unchanged_over_tls(gatepost, make_backend, by):
    backend = make_backend()
    gate = gatepost(backend, tls=True, learn=True)
    sent = MESSAGES["random 300 KiB"]
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls()
        smtp.ehlo()
        smtp.envelope()
        if by == "DATA":
            smtp.data(sent)
        else:
            smtp.bdat(sent[:100001])
            smtp.bdat(sent[100001:], last=True)
        smtp.quit()
    same(backend.transactions[0], sent)
    assert b"with ESMTPS" in backend.transactions[0].added


def test_a_message_larger_than_memory_is_spooled_and_unchanged(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost(backend, learn=True,
                    limits={"memory-message": "4K", "memory": "1M"})
    for sent in (MESSAGES["random 300 KiB"], MESSAGES["100 KiB line"], MESSAGES["plain"]):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.data(sent)
        same(backend.transactions[-1], sent)


def test_received_names_client_protocol_and_ourselves(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo("client.example.net")
        smtp.envelope()
        smtp.data(message())
    added = backend.transactions[0].added
    for word in (b"from client.example.net", b"127.0.0.1", b"by mx.example.org", b"with ESMTP ",
                 b"id ", b"; "):
        assert word in added.replace(b"\r\n", b" ").replace(b"\t", b" "), (word, added)


def test_received_says_smtp_after_helo(gate, backend):
    with gate.client() as smtp:
        smtp.cmd("HELO client.example.net", 250)
        smtp.envelope()
        smtp.data(message())
    assert re.search(rb"with SMTP[\s;]", backend.transactions[0].added)


def test_envelope_parameters_pass_unchanged(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=QQ314159", 250)
        smtp.cmd("RCPT TO:<user@example.org> NOTIFY=SUCCESS,DELAY "
                 "ORCPT=rfc822;user+2Bx@example.org", 250)
        smtp.data(message())
    kept = backend.transactions[0]
    for word in (b"BODY=8BITMIME", b"RET=HDRS", b"ENVID=QQ314159"):
        assert word in kept.mail
    assert b"NOTIFY=SUCCESS,DELAY" in kept.rcpt[0]
    assert b"ORCPT=rfc822;user+2Bx@example.org" in kept.rcpt[0]
