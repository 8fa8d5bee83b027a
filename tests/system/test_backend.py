# SPDX-License-Identifier: ISC
"""The side toward the server behind: when it is dialled, where to, what of its words the client
hears, and which connections are kept."""

import pytest

from harness.backend import Close, Raw, Seq
from harness.client import message
from harness.wait import until


def send_one(gate, recipient="user@example.org", text=None, **more):
    with gate.client(**more) as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=(recipient,))
        smtp.data(message() if text is None else text)
        smtp.quit()


def sessions_with(backend, verb):
    with backend.lock:
        return [s for s in backend.sessions if verb in s.verbs]


# When and where

def test_the_backend_is_dialled_only_when_a_recipient_passed(gate, backend):
    before = len(backend.sessions)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550)
        smtp.cmd("RCPT TO:<bad>", 501)
        assert len(backend.sessions) == before
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        assert len(backend.sessions) == before + 1


def test_the_backend_hears_data_only_when_the_whole_message_is_here(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"x" * 998 + b"\r\n") * 50)
        with gate.client() as other:
            other.cmd("NOOP", 250)
        assert not sessions_with(backend, "DATA") + sessions_with(backend, "BDAT")
        smtp.send(b".\r\n")
        smtp.expect(250)


def test_354_only_once_a_recipient_was_accepted(gatepost, make_backend):
    backend = make_backend(on={"RCPT": "550 5.1.1 nobody"})
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 550)
        smtp.cmd("DATA", (503, 554))


def two_routes(gatepost, make_backend, **more):
    one, two = make_backend(greeting="one"), make_backend(greeting="two")
    gate = gatepost({"one": {"address": one}, "two": {"address": two,
                                                      "domains": ["two.example", ".sub.example"]}},
                    relay={"domains": ["example.org", "two.example", ".sub.example"]}, **more)
    return gate, one, two


def test_routes_go_by_recipient_domain(gatepost, make_backend):
    gate, one, two = two_routes(gatepost, make_backend)
    send_one(gate)
    send_one(gate, "user@Two.Example")
    send_one(gate, "user@deep.sub.example")
    assert len(one.transactions) == 1 and len(two.transactions) == 2


def test_recipients_of_two_routes_in_one_transaction_hear_452(gatepost, make_backend):
    gate, one, two = two_routes(gatepost, make_backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("RCPT TO:<user@two.example>", 452)
        smtp.cmd("RCPT TO:<more@example.org>", 250)
        smtp.data(message())
        smtp.envelope(recipients=("user@two.example",))
        smtp.data(message())
    assert len(one.transactions[0].rcpt) == 2
    assert len(two.transactions) == 1


def test_the_next_address_is_taken_when_the_first_is_down(gatepost, make_backend, ports):
    backend = make_backend()
    gate = gatepost({"address": [("127.0.0.1", ports.take()), backend]})
    for _ in range(3):
        send_one(gate)
    assert len(backend.transactions) == 3


@pytest.mark.parametrize("fault", [{"banner": "421 4.3.2 busy"}, {"banner": Close()},
                                   {"EHLO": "421 4.3.2 busy"}, {"banner": Raw(b"", close=True)},
                                   {"banner": "554 5.3.2 no service"}])
def test_the_next_address_is_taken_when_the_first_does_not_serve(gatepost, make_backend, fault):
    sick, well = make_backend(on=fault), make_backend()
    gate = gatepost({"address": [sick, well]})
    send_one(gate)
    assert len(well.transactions) == 1 and not sick.transactions


def test_round_robin_uses_all_addresses(gatepost, make_backend):
    one, two = make_backend(), make_backend()
    gate = gatepost({"address": [one, two], "balance": "round-robin"}, workers=1)
    for _ in range(6):
        send_one(gate)
    assert len(one.transactions) >= 2 and len(two.transactions) >= 2


def test_ordered_uses_the_first_while_it_serves_and_returns_to_it(gatepost, make_backend):
    one, two = make_backend(), make_backend()
    gate = gatepost({"address": [one, two], "probe-interval": "1s"})
    send_one(gate)
    assert len(one.transactions) == 1
    one.kill()
    send_one(gate)
    assert len(two.transactions) == 1
    one.listen()

    def returned():
        send_one(gate)
        return len(one.transactions) > 1
    until(returned, "mail to the first address again", 60, 0.2)


def test_a_dead_address_is_not_dialled_for_every_client(gatepost, make_backend):
    dead, well = make_backend(on={"banner": Close()}), make_backend()
    gate = gatepost({"address": [dead, well]})
    for _ in range(30):
        send_one(gate)
    assert len(well.transactions) == 30
    assert len(dead.sessions) < 15, "no back-off"


def test_a_lone_backend_is_used_again_soon_after_it_serves(gatepost, make_backend):
    backend = make_backend(on={"banner": Close()})
    gate = gatepost(backend)
    for _ in range(8):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            assert smtp.cmd("RCPT TO:<user@example.org>", 451).enhanced[0] == "4"
    backend.on.clear()

    def served():
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            return smtp.cmd("RCPT TO:<user@example.org>").code == 250
    until(served, "the backend is tried again", 10, 0.05)


# Whose words

@pytest.mark.parametrize("stage", ["RCPT", "dot"])
@pytest.mark.parametrize("reply", ["250 2.6.0 its own words", "450 4.2.0 come again",
                                   "451 4.7.1 greylisted", "452 4.2.2 full",
                                   "550 5.1.1 unknown", "552 5.2.2 over quota",
                                   "553 5.1.3 strange", "554 5.7.1 spam",
                                   "550 without an enhanced code",
                                   ["550 5.7.1 first line", "550 5.7.1 second line"]])
def test_the_backends_replies_pass_verbatim(gatepost, make_backend, stage, reply):
    lines = [reply] if isinstance(reply, str) else reply
    gate = gatepost(make_backend(on={stage: lines}), learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        heard = smtp.cmd("RCPT TO:<user@example.org>")
        if stage == "dot":
            assert heard.code == 250
            smtp.cmd("DATA", 354)
            heard = smtp.cmd(".")
        assert heard.code == int(lines[0][:3])
        assert heard.lines == [line[4:] for line in lines]


@pytest.mark.parametrize("reply", ["450 4.1.8 later", "550 5.1.8 bad sender", "553 5.1.7 no"])
def test_a_refusal_of_mail_is_the_reply_to_every_rcpt(gatepost, make_backend, reply):
    gate = gatepost(make_backend(on={"MAIL": reply}), learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        for recipient in ("user", "two"):
            heard = smtp.cmd(f"RCPT TO:<{recipient}@example.org>")
            assert f"{heard.code} {heard.text}" == reply
        smtp.cmd("DATA", (503, 554))


@pytest.mark.parametrize("reply", ["450 4.3.0 not now", "550 5.3.0 never", "554 5.5.1 no"])
def test_a_refusal_of_data_is_the_reply_at_end_of_data(gatepost, make_backend, reply):
    backend = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES"], on={"DATA": reply})
    gate = gatepost(backend, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message() + b".\r\n")
        heard = smtp.reply()
        assert f"{heard.code} {heard.text}" == reply
    assert not backend.transactions


FAULTS = ["421 4.3.2 going down", "500 5.5.1 what", "501 5.5.4 how", "502 5.5.1 no", "503 5.5.1 seq",
          "504 5.5.4 param", "521 5.3.2 no mail", "530 5.7.0 TLS first", Raw(b"gibberish\r\n"),
          Raw(b"25 ok\r\n"), Raw(b"250-a\r\n251 b\r\n"), Raw(b"250 bare\n"), Raw(b"999 high\r\n"),
          Raw(b"250 " + b"x" * 20000 + b"\r\n"), Raw(b"\0\0\0\r\n"),
          Raw(b"100 low\r\n")]


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f if isinstance(f, str)
                         else repr(f.data[:12]))
def test_faults_between_us_are_451_4_3_0_and_the_words_are_in_the_log(gatepost, make_backend,
                                                                      stage, fault):
    backend = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES"])
    gate = gatepost(backend, learn=True)
    backend.on[stage] = fault
    with gate.log_contains(r" backend-fault "):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            heard = smtp.cmd("RCPT TO:<user@example.org>")
            if heard.code == 250:
                smtp.cmd("DATA", 354)
                smtp.send(message() + b".\r\n")
                heard = smtp.reply()
            assert heard.code == 451 and heard.enhanced == "4.3.0", heard
    if isinstance(fault, str):
        words = fault.split(" ", 2)[2]
        assert words in gate.process.output()


@pytest.mark.parametrize("stage, fault", [
    ("banner", "554 5.7.1 go away"), ("banner", "521 no"), ("banner", "421 busy"),
    ("EHLO", "550 5.7.1 not you"), ("EHLO", "421 4.3.2 x"), ("banner", Raw(b"garbage\r\n")),
    ("banner", Close(reset=True)), ("EHLO", Close())])
def test_a_backend_that_refuses_to_serve_is_451(gatepost, make_backend, stage, fault):
    gate = gatepost(make_backend(on={stage: fault}))
    with gate.log_contains(r" backend-fault "):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", 451, "4.3.0")


def test_less_offered_in_the_session_than_was_advertised_is_a_fault(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost(backend, learn=["SMTPUTF8"])
    with gate.client() as smtp:
        smtp.ehlo()
        backend.keywords = ["8BITMIME"]
        smtp.cmd("MAIL FROM:<jürgen@example.net> SMTPUTF8", 250)
        smtp.cmd("RCPT TO:<user@example.org>", 451, "4.3.0")


def test_a_backend_gone_while_the_client_sent_is_dialled_again_and_the_envelope_replayed(
        gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=("user@example.org", "two@example.org"))
        smtp.cmd("DATA", 354)
        smtp.send(b"Subject: x\r\n\r\n")
        backend.drop_sessions()
        until(lambda: all(s.closed.is_set() for s in backend.sessions), "all sessions closed")
        smtp.send(b"body\r\n.\r\n")
        smtp.expect(250)
    kept = backend.transactions[0]
    assert len(kept.rcpt) == 2 and kept.message == b"Subject: x\r\n\r\nbody\r\n"


def test_other_answers_on_replay_are_451(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=("user@example.org", "two@example.org"))
        smtp.cmd("DATA", 354)
        backend.on["RCPT"] = lambda s, line: "550 5.1.1 gone" if b"two" in line else None
        backend.drop_sessions()
        until(lambda: all(s.closed.is_set() for s in backend.sessions), "all sessions closed")
        smtp.send(b"Subject: x\r\n\r\nbody\r\n.\r\n")
        assert smtp.expect(451).enhanced[0] == "4"
    assert not backend.transactions


# Reuse

def reusing(gatepost, backend, learn=True, **more):
    options = {"address": backend, "reuse": True, **more}
    return gatepost(options, workers=1, learn=learn, listen={
        "proxy-protocol-from": ["127.0.0.4/32"], "auth": "plain"})


def test_without_reuse_each_session_has_its_own_connection(gate, backend):
    for _ in range(3):
        send_one(gate)
    assert len(backend.mail_sessions()) == 3
    until(lambda: all(s.closed.is_set() for s in backend.mail_sessions()), "all are closed")
    assert all(s.clean for s in backend.mail_sessions()), "left without QUIT"


def test_reuse_keeps_the_connection_for_the_next_session(gatepost, backend):
    gate = reusing(gatepost, backend)
    for _ in range(5):
        send_one(gate)
    assert len(backend.transactions) == 5
    assert len(backend.mail_sessions()) == 1
    assert backend.mail_sessions()[0].verbs.count("EHLO") == 1


def test_reuse_is_bounded_in_messages(gatepost, backend):
    gate = reusing(gatepost, backend, **{"reuse-messages": 2})
    for _ in range(6):
        send_one(gate)
    assert len(backend.mail_sessions()) == 3


def test_reuse_is_bounded_in_idle_time(gatepost, backend):
    gate = reusing(gatepost, backend, **{"reuse-idle": "1s"})
    send_one(gate)
    session = backend.mail_sessions()[0]
    until(session.closed.is_set, "the idle connection is closed", 15)
    send_one(gate)
    assert len(backend.mail_sessions()) == 2


def test_a_pooled_connection_that_turns_out_dead_is_replaced_silently(gatepost, backend):
    gate = reusing(gatepost, backend)
    send_one(gate)
    backend.drop_sessions()
    send_one(gate)
    # Dies only when it is spoken to.
    backend.on["RSET"] = Close(reset=True)
    backend.on["MAIL"] = Seq(Close(reset=True), None)
    send_one(gate)
    backend.on.clear()
    send_one(gate)
    assert len(backend.transactions) == 4


@pytest.mark.parametrize("stage, reply", [("dot", "421 4.3.2 bye"), ("RCPT", "421 4.3.2 bye"),
                                          ("RCPT", "503 5.5.1 fault"),
                                          ("MAIL", Raw(b"gibberish\r\n"))])
def test_a_connection_that_saw_a_fault_is_never_used_again(gatepost, backend, stage, reply):
    gate = reusing(gatepost, backend)
    backend.on[stage] = reply
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        if smtp.cmd("RCPT TO:<user@example.org>").code == 250:
            smtp.cmd("DATA", 354)
            smtp.send(b".\r\n")
            smtp.expect(451)
        smtp.quit()
    bad = backend.mail_sessions()[0]
    until(bad.closed.is_set, "the connection is closed")
    backend.on.clear()

    def through():  # back-off after the fault is no matter here
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            return smtp.cmd("RCPT TO:<user@example.org>").code == 250
    until(through, "the backend is tried again", 90, 0.1)
    assert backend.mail_sessions()[-1] is not bad


def test_ordinary_refusals_do_not_end_a_connections_reuse(gatepost, make_backend):
    backend = make_backend(on={"RCPT": lambda s, line: "550 5.1.1 nobody"
                               if b"nobody" in line else None})
    gate = reusing(gatepost, backend)
    for _ in range(3):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<nobody@example.org>", 550)
            smtp.cmd("RCPT TO:<user@example.org>", 250)
            smtp.data(message())
            smtp.quit()
    assert len(backend.mail_sessions()) == 1


def test_a_connection_that_saw_auth_is_never_used_again(gatepost, make_backend):
    backend = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN"])
    gate = reusing(gatepost, backend, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN AGEAYg==", 235)
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    send_one(gate)
    one, two = backend.mail_sessions()
    assert "AUTH" in one.verbs and "AUTH" not in two.verbs


def test_with_xclient_a_connection_serves_only_the_same_client_and_helo(gatepost, make_backend):
    backend = make_backend(["8BITMIME", "XCLIENT NAME ADDR PORT HELO"])
    gate = reusing(gatepost, backend, **{"client-address": "xclient"})
    for client in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        send_one(gate, source="127.0.0.4",
                 first=f"PROXY TCP4 {client} 192.0.2.9 4000 25\r\n".encode())
    sessions = backend.mail_sessions()
    assert 2 <= len(sessions) <= 3
    for session in sessions:
        assert len({line for line in session.lines if b"ADDR=" in line}) == 1
    by_client = [next(line for line in t.session.lines if b"ADDR=" in line)
                 for t in backend.transactions]
    assert [c[-1:] for c in by_client] == [b"1", b"1", b"2"], by_client


def test_with_xforward_each_transaction_names_its_own_client(gatepost, make_backend):
    backend = make_backend(["8BITMIME", "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"])
    gate = reusing(gatepost, backend, **{"client-address": "xforward"})
    for client in ("192.0.2.1", "192.0.2.2"):
        send_one(gate, source="127.0.0.4",
                 first=f"PROXY TCP4 {client} 192.0.2.9 4000 25\r\n".encode())
    assert len(backend.mail_sessions()) == 1
    lines = backend.mail_sessions()[0].lines
    named = [line for line in lines if b"ADDR=" in line]
    assert b"192.0.2.1" in named[0] and b"192.0.2.2" in named[-1]


def test_a_client_that_leaves_before_the_dot_leaves_the_backend_without_it(gate, backend):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message(b"half"))
        smtp.reset()
    session = backend.mail_sessions()[0]
    until(session.closed.is_set, "the backend's connection closes")
    assert not backend.transactions
    assert "DATA" not in session.verbs and "BDAT" not in session.verbs


def test_pipelining_is_used_toward_the_backend_only_where_offered(gatepost, make_backend):
    backend = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES"])
    gate = gatepost(backend, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(b"MAIL FROM:<a@example.net>\r\n" + b"".join(
            b"RCPT TO:<u%d@example.org>\r\n" % i for i in range(5)) + b"DATA\r\n")
        for code in (250,) * 6 + (354,):
            smtp.expect(code)
        smtp.send(b".\r\n")
        smtp.expect(250)
    for written in backend.mail_sessions()[0].writes:
        if written.startswith((b"MAIL", b"RCPT", b"EHLO")):
            assert written.count(b"\r\n") == 1, written
