# SPDX-License-Identifier: ISC
"""What is left out of a message, and nothing else, wherever it lies and however it comes: at the
borders of what is read and spooled at a time, in pieces of odd sizes, by DATA and by BDAT, of
messages that are little more than what is left out."""

import random

import pytest

from harness.client import stuffed
from harness.gatepost import AUTHENTICATION
from harness.visitor import CLEAN, Visitor

FORGED = [b"Authentication-Results: mx.example.org; dkim=pass header.d=bank.example\r\n",
          b"AUTHENTICATION-results :\r\n (x) mx.example.org\r\n\t; spf=pass\r\n",
          b"X-Gatepost-Verdict: pass\r\n",
          b"x-gatepost-verdict:\r\n .\r\n ..\r\n"]
LIMITS = {"memory-message": "4K", "memory": "8M", "spool": "64M", "message-size": "8M",
          "header-size": "1M", "junk-commands": 10000}
BORDER = 65536


def field(rng, size):
    """A field that is kept, of about that size, some of its lines with dots in front."""
    lines, left = [b"X-%d: " % rng.randrange(1000)], size
    while left > 0:
        length = min(left, rng.choice((1, 2, 60, 900)))
        lines.append(b"\r\n " + rng.choice((b"", b".", b"..")) + b"x" * length)
        left -= length + 3
    return b"".join(lines) + b"\r\n"


def shapes(rng):
    """(name, pieces), a piece being its octets and whether they stay."""
    def stay(data):
        return data, True

    def go():
        return rng.choice(FORGED), False

    yield "nothing but what goes", [go(), go()]
    yield "and the empty line", [go(), stay(b"\r\n")]
    yield "and a dot", [go(), stay(b"\r\n.\r\n..\r\n")]
    yield "no header", [stay(b"\r\n"), stay(FORGED[0])]
    yield "the end of a header without a body", [stay(b"Subject: x\r\n"), go()]
    yield "dots in front of a line", [go(), stay(b".x: y\r\n"), go(), stay(b"..: z\r\n\r\n.\r\n")]
    for near in range(-3, 4):
        fill = field(rng, 5000)
        rest = BORDER + near - len(fill) - len(b"Y: \r\n")
        yield f"at the border {near:+}", [stay(fill + b"Y: " + b"y" * rest + b"\r\n"), go(),
                                         stay(b".Z: z\r\n\r\n.body\r\n")]
    for turn in range(12):
        pieces = [stay(b"Subject: %d\r\n" % turn)]
        for _ in range(rng.randrange(1, 60)):
            pieces.append(go() if rng.random() < 0.5 else stay(field(rng, rng.choice((1, 70, 9000)))))
        pieces.append(stay(b"\r\n" + FORGED[0] + b".\r\n" * rng.randrange(3) + b"z" * 900 + b"\r\n"))
        yield f"at random {turn}", pieces


def by_data(smtp, rng, data):
    smtp.cmd("DATA", 354)
    text, at = stuffed(data) + b".\r\n", 0
    while at < len(text):
        size = rng.choice((1, 2, 3, 1460, 4096, BORDER))
        smtp.send(text[at:at + size])
        at += size
    return smtp.reply()


def by_bdat(smtp, rng, data):
    at = 0
    while at < len(data):
        size = rng.choice((1, 7, 4096, BORDER - 1, BORDER))
        smtp.bdat(data[at:at + size])
        at += size
    smtp.send(b"BDAT 0 LAST\r\n")
    return smtp.reply()


@pytest.mark.parametrize("way", [by_data, by_bdat])
@pytest.mark.parametrize("keywords", [["PIPELINING"], ["PIPELINING", "CHUNKING"]])
def test_what_is_left_out_is_all_that_differs(guard, make_backend, dns, way, keywords):
    rng = random.Random(20261122)
    backend = make_backend(keywords=keywords)
    gate = guard({name: {} for name in AUTHENTICATION} | {"header": {"mode": "off"},
                                                          "dmarc": {"mode": "off"}},
                 to=backend, probed=False, limits=LIMITS)
    with Visitor(gate, CLEAN[4], timeout=30) as smtp:
        smtp.cmd("EHLO out.sender.example", 250)
        for name, pieces in shapes(rng):
            data = b"".join(octets for octets, _ in pieces)
            smtp.cmd("MAIL FROM:<a@sender.example>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", 250)
            reply = way(smtp, rng, data)
            assert reply.code == 250, (name, reply)
            expected = b"".join(octets for octets, stays in pieces if stays)
            kept = backend.transactions[-1].message
            assert kept == expected, (name, len(kept), len(expected))
        smtp.cmd("QUIT", 221)
    by = {transaction.verb for transaction in backend.transactions}
    assert by == {"BDAT" if way is by_bdat and "CHUNKING" in keywords else "DATA"}
