# SPDX-License-Identifier: ISC
"""AUTH: passed through to the server that holds the users; what it opens, and what it never does."""

import base64
import hmac

import pytest

from harness.backend import Hang
from harness.client import message
from harness.visitor import FROM_HERE, Visitor
from harness.wait import until

MECHANISMS = ("AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS OAUTHBEARER "
              "XOAUTH2 ANONYMOUS EXTERNAL GSSAPI NTLM DIGEST-MD5")
KEYWORDS = ["PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", MECHANISMS,
            "AUTH=PLAIN LOGIN"]


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


PLAIN = b64("\0joe\0secret")


def plain_users(session, line):
    """joe/secret by PLAIN (with and without initial response) or LOGIN."""
    words = line.split(b" ")
    if words[1].upper() == b"PLAIN":
        given = words[2] if len(words) > 2 else session.server.ask(session, "334 ")
        if given == b"*":
            return "501 5.7.0 cancelled by you"
        good = given.decode() == PLAIN
    else:
        user = session.server.ask(session, "334 VXNlcm5hbWU6")
        if user == b"*":
            return "501 5.7.0 cancelled by you"
        good = (user, session.server.ask(session, "334 UGFzc3dvcmQ6")) == (
            b64("joe").encode(), b64("secret").encode())
    return "235 2.7.0 hello joe" if good else "535 5.7.8 go away"


@pytest.fixture
def users(make_backend):
    return make_backend(KEYWORDS, on={"AUTH": plain_users})


def test_auth_is_offered_only_inside_tls_by_default(gatepost, users):
    gate = gatepost(users, tls=True, learn=True)
    with gate.client() as smtp:
        assert "AUTH" not in smtp.ehlo()
        smtp.cmd("AUTH PLAIN " + PLAIN, (502, 503, 504, 523, 530, 538))
        smtp.starttls()
        assert "PLAIN" in smtp.ehlo()["AUTH"].split()
    assert not [s for s in users.sessions if "AUTH" in s.verbs]


def test_forbidden_mechanisms_are_never_offered_nor_passed(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        seen = smtp.ehlo()
        assert set(seen["AUTH"].split()) == {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1",
                                             "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"}
        assert not [word for word in seen if word.startswith("AUTH=")]
        for word in ("ANONYMOUS", "EXTERNAL", "GSSAPI", "NTLM", "DIGEST-MD5",
                     "SCRAM-SHA-256-PLUS", "NONSENSE"):
            smtp.cmd(f"AUTH {word}", 504, "5.5.4")
    assert not [s for s in users.sessions if "AUTH" in s.verbs]


def test_auth_no_means_no(gatepost, users):
    gate = gatepost(users, listen={"auth": "no"}, tls=True, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls()
        assert "AUTH" not in smtp.ehlo()
        smtp.cmd("AUTH PLAIN " + PLAIN, (500, 502, 503, 504))


def login(smtp, how):
    if how == "initial":
        return smtp.cmd("AUTH PLAIN " + PLAIN)
    if how == "plain":
        smtp.cmd("AUTH PLAIN", 334)
        return smtp.cmd(PLAIN)
    smtp.cmd("AUTH LOGIN", 334)
    smtp.cmd(b64("joe"), 334)
    return smtp.cmd(b64("secret"))


@pytest.mark.parametrize("how", ["initial", "plain", "login"])
def test_after_235_the_client_may_relay_and_the_session_stays_with_its_backend(gatepost, users,
                                                                               how):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<joe@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550, "5.7.1")
        smtp.cmd("RSET", 250)
        reply = login(smtp, how)
        assert reply.code == 235 and reply.text == "2.7.0 hello joe"
        smtp.cmd("AUTH PLAIN " + PLAIN, 503, "5.5.1")
        for _ in range(2):
            smtp.envelope(recipients=("x@elsewhere.example", "a%b@example.org"))
            smtp.data(message())
        smtp.quit()
    one, two = users.transactions
    assert one.session is two.session and "AUTH" in one.session.verbs
    assert b"with ESMTPA" in one.added
    text = gate.process.output()
    assert "secret" not in text and PLAIN not in text and b64("secret") not in text


def test_a_wrong_password_opens_nothing(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN " + b64("\0joe\0wrong"), 535)
        assert reply.text == "5.7.8 go away"
        smtp.cmd("MAIL FROM:<joe@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550, "5.7.1")


@pytest.mark.parametrize("how", ["AUTH PLAIN", "AUTH LOGIN"])
def test_a_star_cancels(gatepost, users, how):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd(how, 334)
        smtp.cmd("*", 501)
        smtp.cmd("NOOP", 250)
        assert login(smtp, "initial").code == 235


def test_a_line_that_is_no_base64_never_reaches_the_backend_as_a_command(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN", 334)
        reply = smtp.cmd("MAIL FROM:<x@example.net>")
        assert reply.code in (501, 535), reply
    assert not users.mail_sessions()


def test_a_pipelined_command_behind_auth_is_not_taken_for_its_answer(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(f"AUTH PLAIN {PLAIN}\r\nMAIL FROM:<joe@example.net>\r\n"
                  "RCPT TO:<x@elsewhere.example>\r\n")
        smtp.expect(235)
        smtp.expect(250)
        smtp.expect(250)


def test_auth_lines_up_to_12288_octets(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("AUTH PLAIN", 334)
        smtp.cmd("QUFB" * ((12288 - 4) // 4), 535)
        smtp.cmd("AUTH PLAIN", 334)
        reply = smtp.cmd("QUFB" * 5000)
        assert reply.code in (500, 501), reply


def test_auth_when_the_backend_is_gone_is_454(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    users.kill()
    with gate.client() as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN " + PLAIN)
        assert reply.code in (451, 454) and reply.enhanced[0] == "4", reply


def test_auth_goes_to_auth_backend(gatepost, users, make_backend):
    other = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES", "AUTH PLAIN"])
    gate = gatepost({"main": {"address": other}, "users": {"address": users}},
                    listen={"auth": "plain", "auth-backend": "users"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        assert login(smtp, "initial").code == 235
        smtp.envelope(recipients=("x@elsewhere.example",))
        smtp.data(message())
    assert users.transactions and not other.transactions


def test_auth_within_a_transaction_is_503(gatepost, users):
    gate = gatepost(users, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("AUTH PLAIN " + PLAIN, 503, "5.5.1")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_auth_against_postfix_with_dovecot(gatepost, postfix, mechanism):
    server = postfix(sasl={"joe": "secret"}, settings={
        "mynetworks": "192.0.2.0/24", "relay_domains": "example.org, elsewhere.example"})
    gate = gatepost(server, tls=True, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls()
        assert mechanism in smtp.ehlo()["AUTH"].split()
        if mechanism == "CRAM-MD5":
            challenge = base64.b64decode(smtp.cmd("AUTH CRAM-MD5", 334).text)
            digest = hmac.new(b"secret", challenge, "md5").hexdigest()
            smtp.cmd(b64(f"joe {digest}"), 235)
        else:
            assert login(smtp, mechanism.lower()).code == 235
        smtp.envelope(recipients=("x@elsewhere.example",))
        smtp.data(message())
        smtp.quit()
    assert b"with ESMTPSA" in server.messages(1)[0].data
    server.wait_log("sasl_username=joe")


def test_postfix_refuses_a_wrong_password_in_its_own_words(gatepost, postfix):
    server = postfix(sasl={"joe": "secret"})
    gate = gatepost(server, listen={"auth": "plain"}, learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN " + b64("\0joe\0wrong"), 535)
        assert "authentication failed" in reply.text
    until(lambda: "authentication failed" in server.log(), "Postfix logs it")


def test_the_backend_knows_the_client_before_it_is_asked_to_authenticate(gatepost, make_backend):
    backend = make_backend([*KEYWORDS, "XCLIENT NAME ADDR PORT HELO"], on={"AUTH": plain_users})
    gate = gatepost({"address": backend, "client-address": "xclient"}, learn=["AUTH"],
                    listen={"auth": "plain"})
    with gate.client() as smtp:
        smtp.ehlo()
        assert login(smtp, "initial").code == 235
        smtp.envelope(recipients=("x@elsewhere.example",))
        smtp.data(message())
    verbs = backend.transactions[0].session.verbs
    assert verbs.index("XCLIENT") < verbs.index("AUTH") < verbs.index("MAIL")
    assert verbs[:verbs.index("AUTH")][-1] == "EHLO"


@pytest.mark.parametrize("fault", ["421 4.3.2 bye", "500 5.5.1 what", "502 5.5.1 no",
                                   "504 5.5.4 no such mechanism", "534 5.7.9 too weak",
                                   "454 4.7.0 later", "432 4.7.12 change it"])
def test_replies_to_auth_pass_verbatim(gatepost, make_backend, fault):
    gate = gatepost(make_backend(KEYWORDS, on={"AUTH": fault}), listen={"auth": "plain"},
                    learn=["AUTH"])
    with gate.client() as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN " + PLAIN)
        if fault.startswith("421"):
            assert reply.code in (421, 451, 454), reply
        else:
            assert f"{reply.code} {reply.text}" == fault
        smtp.cmd("MAIL FROM:<joe@example.net>", 250)
        smtp.cmd("RCPT TO:<x@elsewhere.example>", 550, "5.7.1")


def test_a_backend_that_hangs_in_auth_is_454_in_time(gatepost, make_backend):
    gate = gatepost(make_backend(KEYWORDS, on={"AUTH": Hang()}), listen={"auth": "plain"},
                    learn=["AUTH"], timeouts={"backend-reply": "1s"})
    with gate.client() as smtp:
        smtp.ehlo()
        reply = smtp.cmd("AUTH PLAIN " + PLAIN)
        assert reply.code in (451, 454) and reply.enhanced[0] == "4", reply
