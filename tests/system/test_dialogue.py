# SPDX-License-Identifier: ISC
"""The dialogue with the client: replies by state, keywords offered, order, budgets, limits."""

import re
import socket
import threading

import pytest

from harness.client import message, stuffed
from harness.wait import until

HELLO = ["EHLO client.example.net"]
MAIL = HELLO + ["MAIL FROM:<a@example.net>"]
RCPT = MAIL + ["RCPT TO:<user@example.org>"]
STATES = {"connected": [], "greeted": HELLO, "mail": MAIL, "rcpt": RCPT}

# command: expected code by state (connected, greeted, mail, rcpt)
MATRIX = {
    "EHLO again.example.net": (250, 250, 250, 250),
    "HELO again.example.net": (250, 250, 250, 250),
    "EHLO": (501, 501, 501, 501),
    "HELO": (501, 501, 501, 501),
    "MAIL FROM:<b@example.net>": (503, 250, 503, 503),
    "MAIL FROM:<>": (503, 250, 503, 503),
    "RCPT TO:<two@example.org>": (503, 503, 250, 250),
    "DATA": (503, 503, (503, 554), 354),
    "RSET": (250, 250, 250, 250),
    "NOOP": (250, 250, 250, 250),
    "NOOP some text": (250, 250, 250, 250),
    "HELP": (214, 214, 214, 214),
    "VRFY user": (252, 252, 252, 252),
    "EXPN list": (502, 502, 502, 502),
    "QUIT": (221, 221, 221, 221),
    "TURN": ((500, 502), (500, 502), (500, 502), (500, 502)),
    "ETRN example.org": ((500, 502), (500, 502), (500, 502), (500, 502)),
    "NONSENSE": (500, 500, 500, 500),
    "XCLIENT ADDR=192.0.2.1": ((500, 502, 503, 550), (500, 502, 503, 550),
                               (500, 502, 503, 550), (500, 502, 503, 550)),
    "XFORWARD ADDR=192.0.2.1": ((500, 502, 503, 550), (500, 502, 503, 550),
                                (500, 502, 503, 550), (500, 502, 503, 550)),
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 25": ((500, 502), (500, 502), (500, 502), (500, 502)),
    "STARTTLS": ((500, 502, 503), (500, 502, 503), (500, 502, 503), (500, 502, 503)),
    "DATA now": ((501, 503), (501, 503), (501, 503), 501),
    "RSET now": (501, 501, 501, 501),
    "STARTTLS now": ((500, 501, 502, 503),) * 4,
    "MAIL": ((501, 503), 501, (501, 503), (501, 503)),
    "MAIL FROM": ((501, 503), 501, (501, 503), (501, 503)),
    "MAIL FROM:": ((501, 503), 501, (501, 503), (501, 503)),
    "MAIL TO:<a@example.net>": ((501, 503), 501, (501, 503), (501, 503)),
    "RCPT TO:": ((501, 503), (501, 503), 501, 501),
    "RCPT TO:<>": ((501, 503), (501, 503), 501, 501),
    "BDAT": ((501, 503), (501, 503), (501, 503), 501),
    "BDAT x LAST": ((501, 503), (501, 503), (501, 503), 501),
    "BDAT 0": ((503,), (503,), (503, 554), 250),
}


@pytest.mark.parametrize("command", MATRIX)
def test_reply_by_command_and_state(gate, command):
    for (state, lines), expected in zip(STATES.items(), MATRIX[command]):
        with gate.client() as smtp:
            for line in lines:
                smtp.cmd(line, 250)
            reply = smtp.cmd(command)
            codes = expected if isinstance(expected, tuple) else (expected,)
            assert reply.code in codes, f"{command} when {state}: {reply!r}, not {expected}"
            if lines and reply.code not in (221, 354) and not command.startswith(("EHLO", "HELO")):
                if reply.code // 100 in (2, 4, 5) and reply.code not in (214,):
                    assert reply.enhanced, f"no enhanced code on {reply!r} to {command}"
                    assert reply.enhanced[0] == str(reply.code)[0], reply
            if reply.code == 354:
                smtp.send(b".\r\n")
                smtp.expect(250)


@pytest.mark.parametrize("line, code, enhanced", [
    ("MAIL FROM:<a@>", 501, "5.1.7"), ("MAIL FROM:<@example.net>", 501, "5.1.7"),
    ("MAIL FROM:a@example.net", 501, None), ("MAIL FROM:<a b@example.net>", 501, "5.1.7"),
    ("MAIL FROM:<a@example.net", 501, "5.1.7"), ("MAIL FROM:<a>", 501, "5.1.7"),
    ("MAIL FROM:<a@exa mple.net>", 501, "5.1.7"), ("MAIL FROM:<.a@example.net>", 501, "5.1.7"),
    ("MAIL FROM:<a..b@example.net>", 501, "5.1.7"),
    (f"MAIL FROM:<{'a' * 65}@example.net>", 501, None),
    (f"MAIL FROM:<a@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.{'f' * 60}>", 501, None),
    ("MAIL FROM:<a@[300.1.1.1]>", 501, "5.1.7"),
    ("MAIL FROM:<a@example.net> SIZE=x", 501, "5.5.4"),
    ("MAIL FROM:<a@example.net> SIZE=1 SIZE=2", 501, "5.5.4"),
    ("MAIL FROM:<a@example.net> FOO=bar", 555, "5.5.4"),
    ("MAIL FROM:<a@example.net> FOO", 555, "5.5.4"),
    ("MAIL FROM:<a@example.net> BODY=BINARYMIME", 504, "5.5.4"),
    ("MAIL FROM:<a@example.net> BODY=WHAT", (501, 504), "5.5.4"),
    ("MAIL FROM:<a@example.net> RET=NONE", 501, "5.5.4"),
    ("MAIL FROM:<a@example.net> SIZE=99999999999999999999", 552, "5.3.4"),
])
def test_bad_mail_commands(gate, line, code, enhanced):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(line, code, enhanced)
        smtp.cmd("MAIL FROM:<good@example.net>", 250)


@pytest.mark.parametrize("line, code, enhanced", [
    ("RCPT TO:<user@>", 501, "5.1.3"), ("RCPT TO:<@example.org>", 501, "5.1.3"),
    ("RCPT TO:user@example.org", 501, None), ("RCPT TO:<user>", 501, "5.1.3"),
    ("RCPT TO:<us er@example.org>", 501, "5.1.3"),
    ("RCPT TO:<user@example.org> FOO=bar", 555, "5.5.4"),
    ("RCPT TO:<user@example.org> SIZE=10", 555, "5.5.4"),
    ("RCPT TO:<user@example.org> NOTIFY=NEVER,SUCCESS", 501, "5.5.4"),
    ("RCPT TO:<user@example.org> NOTIFY=SOMETIMES", 501, "5.5.4"),
])
def test_bad_rcpt_commands(gate, backend, line, code, enhanced):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd(line, code, enhanced)
        assert not backend.mail_sessions()
        smtp.cmd("RCPT TO:<user@example.org>", 250)


@pytest.mark.parametrize("line", ["mail from:<a@example.net>", "Mail From:<a@example.net>  ",
                                  "MAIL FROM: <a@example.net>", "MAIL FROM:<a@example.net> size=3",
                                  "MAIL FROM:<a@[192.0.2.1]>", "MAIL FROM:<a@[IPv6:2001:db8::1]>",
                                  'MAIL FROM:<"a b\\"@c"@example.net>',
                                  "MAIL FROM:<@x.example,@y.example:a@example.net>"])
def test_lenient_and_odd_but_legal_mail_commands(gate, line):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(line, 250)


KEYWORDS = {
    "PIPELINING": "PIPELINING", "SIZE 1000000": "SIZE", "8BITMIME": "8BITMIME", "DSN": "DSN",
    "SMTPUTF8": "SMTPUTF8", "ENHANCEDSTATUSCODES": "ENHANCEDSTATUSCODES",
}
STRIPPED = ["AUTH=PLAIN", "BINARYMIME", "BURL imap", "ETRN", "ATRN", "TURN", "VERB",
            "CHECKPOINT", "FUTURERELEASE 1 2", "XVERP", "X-EXPS GSSAPI", "XCLIENT NAME ADDR",
            "XFORWARD NAME ADDR", "REQUIRETLS", "X-UNKNOWN", "VRFY", "EXPN", "HELP"]


@pytest.mark.parametrize("without", [None, *KEYWORDS.values()])
def test_only_what_the_backend_offers_too_is_advertised(gatepost, make_backend, without):
    offered = [line for line, word in KEYWORDS.items() if word != without]
    wait = next(word for word in ("8BITMIME", "DSN") if word != without)
    gate = gatepost(make_backend(offered + STRIPPED), learn=[wait])
    with gate.client() as smtp:
        seen = smtp.ehlo()
    for word in KEYWORDS.values():
        if word in ("PIPELINING", "SIZE"):
            assert word in seen  # ours, whatever the backend says
        elif word == "SMTPUTF8" and without == "8BITMIME":
            pass
        else:
            assert (word in seen) == (word != without), (word, seen)
    for word in STRIPPED:
        assert word.split()[0] not in seen, (word, seen)
    assert "STARTTLS" not in seen and "AUTH" not in seen
    if without != "SIZE":
        assert int(seen["SIZE"]) <= 1000000


def test_with_several_backends_the_intersection_is_advertised(gatepost, make_backend):
    one = make_backend(["8BITMIME", "DSN", "SIZE 5000000", "ENHANCEDSTATUSCODES"])
    two = make_backend(["8BITMIME", "SMTPUTF8", "SIZE 4000000", "ENHANCEDSTATUSCODES"])
    gate = gatepost({"one": {"address": one},
                     "two": {"address": two, "domains": ["two.example"]}},
                    relay={"domains": ["example.org", "two.example"]}, learn=True)
    with gate.client() as smtp:
        seen = smtp.ehlo()
    assert "DSN" not in seen and "SMTPUTF8" not in seen
    assert int(seen["SIZE"]) <= 4000000


def test_while_the_backend_is_unknown_the_safe_subset_is_advertised(gatepost, ports):
    gate = gatepost(("127.0.0.1", ports.take()))
    with gate.client() as smtp:
        seen = smtp.ehlo()
        assert "PIPELINING" in seen
        for word in ("8BITMIME", "SMTPUTF8", "DSN", "AUTH", "ENHANCEDSTATUSCODES"):
            assert word not in seen, seen


def test_a_backend_that_changes_its_keywords_is_noticed(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost({"address": backend, "probe-interval": "1s"}, learn=["SMTPUTF8"])
    backend.keywords = ["8BITMIME"]

    def gone():
        with gate.client() as smtp:
            return "SMTPUTF8" not in smtp.ehlo()
    until(gone, "SMTPUTF8 no longer offered", 10, 0.05)


@pytest.mark.parametrize("parameter, code", [("BODY=8BITMIME", (504, 555)), ("SMTPUTF8", 555),
                                             ("RET=FULL", 555), ("ENVID=x", 555)])
def test_a_parameter_not_offered_is_refused_and_never_forwarded(gatepost, make_backend, parameter,
                                                                code):
    backend = make_backend(["SIZE 1000000", "ENHANCEDSTATUSCODES"])
    gate = gatepost(backend, learn=["ENHANCEDSTATUSCODES"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(f"MAIL FROM:<a@example.net> {parameter}", code, "5.5.4")


def test_smtputf8_addresses_pass_where_offered_and_only_with_the_parameter(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<jürgen@example.net>", (501, 550, 553))
        smtp.cmd("MAIL FROM:<jürgen@example.net> SMTPUTF8", 250)
        smtp.cmd("RCPT TO:<jörg@example.org>", 250)
        smtp.data(message("grüße\r\n".encode()))
    kept = backend.transactions[0]
    assert "jürgen@example.net".encode() in kept.mail and b"SMTPUTF8" in kept.mail
    assert "jörg@example.org".encode() in kept.rcpt[0]
    assert re.search(rb"with UTF8SMTP", kept.added)


def test_bad_utf8_is_refused(gate):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(b"MAIL FROM:<j\xfcrgen@example.net> SMTPUTF8", 501)


def test_replies_of_a_pipelined_group_keep_their_order(gatepost, make_backend):
    held = threading.Event()

    def slow(_session, line):
        if b"slow" in line:
            assert held.wait(20)
            return "450 4.2.1 slow one"
        return None
    gate = gatepost(make_backend(on={"RCPT": slow}), learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(b"MAIL FROM:<a@example.net>\r\nRCPT TO:<slow@example.org>\r\n"
                  b"RCPT TO:<x@elsewhere.example>\r\nRCPT TO:<user@example.org>\r\nDATA\r\n")
        held.set()
        smtp.expect(250)
        assert "slow one" in smtp.expect(450).text
        smtp.expect(550, "5.7.1")
        smtp.expect(250)
        smtp.expect(354)
        smtp.send(b".\r\n")
        smtp.expect(250)


def test_the_replies_of_a_group_come_in_one_write(gate):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(b"NOOP\r\nRSET\r\nMAIL FROM:<a@example.net>\r\nNOOP\r\nNOOP\r\n")
        assert smtp.more()
        assert smtp.buffer.count(b"\r\n") == 5, smtp.buffer


def test_quit_behind_a_pipelined_group_is_answered_and_closes(gate):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(b"RSET\r\nNOOP\r\nQUIT\r\nNOOP\r\n")
        for code in (250, 250, 221):
            smtp.expect(code)
        smtp.eof()


def test_rset_ehlo_forget_the_transaction(gate, backend):
    for forget in ("RSET", "EHLO again.example.net", "HELO again.example.net"):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.cmd(forget, 250)
            smtp.cmd("DATA", (503, 554))
            smtp.cmd("RCPT TO:<user@example.org>", 503)
            smtp.envelope(sender="second@example.net")
            smtp.data(message())
        assert b"second@example.net" in backend.transactions[-1].mail
        assert len(backend.transactions[-1].rcpt) == 1


def test_many_transactions_in_one_session(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        for _ in range(50):
            smtp.envelope()
            smtp.data(message())
    assert len(backend.transactions) == 50


def test_too_many_errors_end_in_421(gatepost, backend):
    gate = gatepost(backend, limits={"errors-soft": 5, "errors-hard": 5})
    with gate.client() as smtp:
        smtp.ehlo()
        codes = []
        for _ in range(10):
            codes.append(smtp.cmd("NONSENSE").code)
            if codes[-1] == 421:
                break
        assert codes[-1] == 421 and 4 <= len(codes) <= 6, codes
        assert codes[:-1] == [500] * (len(codes) - 1)
        smtp.eof()
    gate.wait_log(r" disconnect .*reason=.*error")


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /x HTTP/1.0", "CONNECT a.example:25",
                                  "Host: mx.example.org", "User-Agent: curl/8",
                                  "Content-Type: text/plain", "Subject: hello"])
def test_a_web_client_or_header_line_is_closed_at_once(gate, line):
    with gate.client() as smtp:
        smtp.line(line)
        smtp.line("NOOP")
        replies = b""
        while smtp.more():
            pass
        replies = smtp.buffer
        assert replies.count(b"\r\n") <= 1, replies
        assert not replies.startswith(b"2"), replies


@pytest.mark.parametrize("junk", ["NOOP", "RSET", "VRFY user", "HELP", "EHLO a.example", "HELO a"])
def test_a_flood_of_junk_commands_ends_in_421(gatepost, backend, junk):
    gate = gatepost(backend, limits={"junk-commands": 20, "errors-soft": 5, "errors-hard": 10})
    with gate.client() as smtp:
        smtp.ehlo()
        for count in range(200):
            smtp.line(junk)
            reply = smtp.reply()
            if reply.code == 421:
                break
        assert reply.code == 421, reply
        assert count >= 15
        smtp.eof()


def test_size_beyond_the_limit_is_refused_at_mail(gatepost, backend):
    gate = gatepost(backend, limits={"message-size": "10K"}, learn=True)
    with gate.client() as smtp:
        assert smtp.ehlo()["SIZE"] == "10240"
        smtp.cmd("MAIL FROM:<a@example.net> SIZE=10241", 552, "5.3.4")
        smtp.cmd("MAIL FROM:<a@example.net> SIZE=10240", 250)


def test_octets_are_counted_whatever_size_said(gatepost, backend):
    gate = gatepost(backend, limits={"message-size": "10K"}, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net> SIZE=100", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        smtp.data(message(b"x" * 998 + b"\r\n") + b"y" * 20000 + b"\r\n", 552, "5.3.4")
        smtp.envelope()
        smtp.data(message())
    assert len(backend.transactions) == 1


def test_a_bdat_chunk_beyond_size_is_552_and_closes(gatepost, backend):
    gate = gatepost(backend, limits={"message-size": "10K"}, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.line("BDAT 99999999999")
        smtp.expect(552, "5.3.4")
        smtp.eof()
    assert not backend.transactions


def test_after_a_refused_chunk_later_chunks_are_drained_and_503(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.send(b"BDAT 11\r\nRSET\r\nEHLObBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
        assert smtp.reply().code in (503, 554)
        assert smtp.reply().code == 503
        smtp.expect(250)
        smtp.cmd("DATA", (503, 554))
    assert not backend.transactions


def test_data_and_bdat_do_not_mix(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.bdat(b"Subject: x\r\n\r\n")
        smtp.cmd("DATA", 503)
        smtp.cmd("RCPT TO:<late@example.org>", 503)
    assert not backend.transactions


def test_at_least_100_recipients_then_452(gatepost, backend):
    gate = gatepost(backend, limits={"recipients": 100})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        for i in range(100):
            smtp.cmd(f"RCPT TO:<u{i}@example.org>", 250)
        smtp.cmd("RCPT TO:<one.more@example.org>", 452, "4.5.3")
        smtp.data(message())
    assert len(backend.transactions[0].rcpt) == 100


def test_the_header_section_is_capped(gatepost, backend):
    gate = gatepost(backend, limits={"header-size": "8K"})
    head = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 80) for i in range(200))
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(head + b"\r\nbody\r\n", (552, 554))
        smtp.envelope()
        smtp.data(message(b"X" * 998 + b"\r\n") + b"long body\r\n" * 2000)
    assert len(backend.transactions) == 1


def test_too_many_received_fields_are_a_loop_554_5_4_6(gatepost, backend):
    gate = gatepost(backend, limits={"received": 20})
    fields = b"Received: from a by b; today\r\n"
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(fields * 25 + message(), 554, "5.4.6")
        smtp.envelope()
        smtp.data(message(fields * 50))  # in the body they do not count
    assert len(backend.transactions) == 1


class Forwarder:
    """Copies bytes between a port and an address."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.target = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
                far = socket.create_connection(self.target)
            except OSError:
                return
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for sock in (a, b):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_a_backend_that_is_ourselves_is_a_loop_451_and_an_error_in_the_log(gatepost, stack):
    forwarder = Forwarder()
    stack.callback(forwarder.stop)
    gate = gatepost(forwarder, start=False)
    forwarder.target = gate.address
    gate.start()
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 451)
    gate.wait_log(r"^\S+ error .*(loop|ourselves)")


def test_command_lines_up_to_2048_octets_are_taken_longer_ones_500(gate):
    with gate.client() as smtp:
        smtp.cmd("NOOP " + "x" * (2048 - 7), 250)
        reply = smtp.cmd("NOOP " + "x" * 2048)
        assert reply.code == 500, reply
        smtp.cmd("NOOP", 250)
        reply = smtp.cmd("NOOP " + "x" * 100000)
        assert reply.code == 500, reply
        smtp.cmd("NOOP", 250)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rX\r\n", b"NO\0OP\r\n", b"NOOP\r\r\n",
                                  b"NOOP x\ny\r\n"])
def test_bare_cr_lf_and_nul_in_commands_are_refused(gate, line):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(line)
        assert smtp.reply().code in (500, 501, 550)


def test_commands_after_a_bad_line_are_never_taken_from_its_inside(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.send(b"NOOP\nDATA\nNOOP\r\n")
        assert smtp.reply().code in (500, 501, 550)
    assert not [s for s in backend.mail_sessions() if "DATA" in s.verbs]


def test_a_silent_client_hears_421_after_the_command_timeout(gatepost, backend):
    gate = gatepost(backend, timeouts={"command": "1s"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.expect(421)
        smtp.eof()
    gate.wait_log(r" disconnect .*reason=.*timeout")


def test_a_client_that_drips_a_command_line_meets_the_deadline_of_the_whole_line(gatepost,
                                                                                backend):
    gate = gatepost(backend, timeouts={"command": "1s"})
    closed = threading.Event()
    with gate.client() as smtp:
        smtp.ehlo()

        def drip():
            while not closed.wait(0.2):
                try:
                    smtp.send(b"N")
                except OSError:
                    return
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            reply = smtp.reply()
        finally:
            closed.set()
            thread.join()
        assert reply.code == 421


def test_a_client_silent_in_data_hears_421_and_the_backend_keeps_nothing(gatepost, backend):
    gate = gatepost(backend, timeouts={"data": "1s"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(b"Subject: half a message\r\n\r\nhalf")
        smtp.expect(421)
        smtp.eof()
    assert not backend.transactions


def test_data_below_the_least_rate_hears_421(gatepost, backend):
    gate = gatepost(backend, timeouts={"data": "1s"}, limits={"data-rate": 1000000})
    closed = threading.Event()
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)

        def drip():
            while not closed.wait(0.1):
                try:
                    smtp.send(b"x")
                except OSError:
                    return
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            smtp.expect(421, "4.4.2")
        finally:
            closed.set()
            thread.join()
    assert not backend.transactions


def test_the_session_limit_answers_421(gatepost, backend):
    gate = gatepost(backend, limits={"sessions": 3})
    clients = [gate.client() for _ in range(3)]
    with gate.client(banner=False) as smtp:
        smtp.expect(421)
        smtp.eof()
    clients.pop().quit()

    def again():
        with gate.client(banner=False) as fresh:
            return fresh.reply().code == 220
    until(again, "room for a new session")
    for client in clients:
        client.close()


def test_listens_on_ipv6_too_and_mapped_addresses_are_ipv4(gatepost, backend, ports):
    port = ports.take()
    gate = gatepost(backend, listens={"six": {"address": [f"[::1]:{port}"]}})
    gate.addresses["six"] = ("::1", port)
    with gate.client("six") as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
    assert b"IPv6:::1" in backend.transactions[0].added


def test_dot_stuffed_command_injection_stays_text(gate, backend):
    text = message(b".\r\nMAIL FROM:<evil@example.net>\r\n")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(stuffed(text) + b".\r\n")
        smtp.expect(250)
    assert len(backend.transactions) == 1
    assert backend.transactions[0].message == text
