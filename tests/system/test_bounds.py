# SPDX-License-Identifier: ISC
"""What one client may make Gatepost keep, read and forgive: replies it does not fetch, text beyond
SIZE, chunks too many or of no size, errors."""

import os
import re

import pytest

from harness import SLOW
from harness.client import Closed, message
from harness.wait import until


def resident(pid):
    """Octets of memory in use."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def asked_for(backend, verb):
    return sum(s.verbs.count(verb) for s in backend.sessions)


def test_replies_that_nobody_fetches_stop_the_input_and_cost_no_memory(gatepost, make_backend):
    lines = 5000  # of 3 KB of reply each: far more than the kernel keeps on the way
    backend = make_backend(on={"RCPT": ["452-4.5.3 " + "x" * 390] * 7 + ["452 4.5.3 not now"]})
    gate = gatepost(backend, workers=1, start=False, limits={"recipients": 100000,
                                                             "junk-commands": 10000})
    options = os.environ.get("ASAN_OPTIONS", "")
    gate.start(env={**os.environ, "ASAN_OPTIONS": f"{options}:quarantine_size_mb=1"})
    with gate.client() as smtp, gate.client() as other:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<sender@example.net>", 250)
        before = resident(gate.process.pid)
        smtp.send(b"RCPT TO:<user@example.org>\r\n" * lines + b"QUIT\r\n")
        seen = [-1]

        def rests():  # what has no more to do has answered others meanwhile
            for _ in range(20):
                other.cmd("NOOP", 250)
            seen.append(asked_for(backend, "RCPT"))
            return seen[-1] > 0 and seen[-1] == seen[-2]
        until(rests, lambda: f"goes on asking: {seen[-1]}", interval=0.1)
        grown = resident(gate.process.pid) - before
        assert seen[-1] < lines, "it never stopped reading"
        assert grown < 10 << 20, f"{grown} octets more for {seen[-1]} replies"
        heard = [smtp.buffer]
        while smtp.more():
            heard.append(smtp.buffer)
            smtp.buffer = b""
    replies = b"".join(heard).split(b"\r\n")
    assert replies[-2].startswith(b"221 ") and replies[-1] == b"", replies[-3:]
    assert len(replies) - 2 == 8 * lines
    assert all(reply.startswith(b"452") for reply in replies[:-2])


def send_500k(gate):
    """The code that a message of 500 KB gets at its end."""
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"y" * 500000 + b"\r\n") + b".\r\n")
        return smtp.expect((250, 452)).code


def test_text_far_beyond_size_leaves_the_spool_to_others_and_ends_the_session(gatepost, backend):
    gate = gatepost(backend, learn=True, limits={
        "memory-message": "4K", "memory": "1M", "message-size": "600K", "spool": "600K"})
    with gate.client() as greedy:
        greedy.ehlo()
        greedy.envelope()
        greedy.cmd("DATA", 354)
        greedy.send(b"z" * 1500000)
        # Its text is beyond SIZE as soon as it has been read: then the spool is free again.
        until(lambda: send_500k(gate) == 250, "room in the spool")
        try:
            greedy.send(b"z" * 500000)
        except OSError:
            pass  # it has hung up already
        greedy.expect(552, "5.3.4")
        greedy.eof()
    assert len(backend.transactions) == 1
    gate.wait_log(r" disconnect .*reason=.*SIZE")


def test_text_just_beyond_size_is_552_at_its_end_and_the_session_goes_on(gatepost, backend):
    gate = gatepost(backend, learn=True, limits={"message-size": "10K"})
    head = message(b"")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(head + b"x" * (10240 - len(head) - 1) + b"\r\n", 552, "5.3.4")
        smtp.envelope()
        smtp.data(head + b"x" * (10240 - len(head) - 2) + b"\r\n")
    assert len(backend.transactions) == 1 and len(backend.transactions[0].message) == 10240


@pytest.mark.parametrize("line, code, enhanced", [
    ("BDAT 99999999999999999999 LAST", 552, "5.3.4"), ("BDAT 99999999999999999999", 552, "5.3.4"),
    ("BDAT x", 501, "5.5.4"), ("BDAT -1 LAST", 501, "5.5.4"), ("BDAT 5 FIRST", 501, "5.5.4")])
def test_a_chunk_of_which_no_octet_can_be_counted_ends_the_session(gate, backend, line, code,
                                                                   enhanced):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.send(line.encode() + b"\r\nMAIL FROM:<evil@example.net>\r\n")
        smtp.expect(code, enhanced)
        smtp.eof()
    assert not backend.transactions


def test_tiny_chunks_without_end_are_junk(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        codes = []
        try:
            smtp.send(b"BDAT 1\r\nx" * 200)
            while True:
                codes.append(smtp.reply().code)
        except (Closed, OSError):
            pass
    assert codes[-1] == 421 and set(codes[:-1]) == {250} and 50 < len(codes) < 150, codes
    assert not backend.transactions


def test_a_delivered_message_forgives_earlier_errors(gatepost, backend):
    gate = gatepost(backend, limits={"errors-soft": 3, "errors-hard": 3})
    with gate.client() as smtp:
        smtp.ehlo()
        for _ in range(3):
            smtp.cmd("NONSENSE", 500)
            smtp.cmd("NONSENSE", 500)
            smtp.envelope()
            smtp.data(message())
        for _ in range(3):
            smtp.cmd("NONSENSE", 500)
        smtp.expect(421, "4.7.0")
        smtp.eof()


def test_a_refused_message_forgives_no_errors(gatepost, make_backend):
    gate = gatepost(make_backend(on={"dot": "450 4.2.0 later"}),
                    limits={"errors-soft": 3, "errors-hard": 3})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("NONSENSE", 500)
        smtp.cmd("NONSENSE", 500)
        smtp.envelope()
        smtp.data(message(), 450)
        smtp.cmd("NONSENSE", 500)
        smtp.expect(421, "4.7.0")
        smtp.eof()
