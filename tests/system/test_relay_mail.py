# SPDX-License-Identifier: ISC
"""Mail from real clients through gatepostd into a real Postfix, and refused where it must be."""

import subprocess

import pytest

from harness.client import message
from harness.postfix import below_received
from harness.wait import until


def run(*words, data=None, ok=True):
    done = subprocess.run([str(w) for w in words], input=data, capture_output=True, check=False,
                          timeout=60)
    if ok:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_swaks_delivers_through_gatepost_into_postfix(gatepost, postfix):
    server = postfix()
    gate = gatepost(server)
    run("swaks", "--server", f"127.0.0.1:{gate.port}", "--from", "a@example.net", "--to",
        "user@example.org", "--ehlo", "swaks.example.net", "--header", "Subject: by swaks")
    delivered = server.messages(1)[0]
    assert b"Subject: by swaks\r\n" in delivered.data
    assert delivered.rcpt[0].startswith(b"RCPT TO:<user@example.org>")
    assert b"by mx.example.org" in delivered.data
    assert b"swaks.example.net" in delivered.data


def test_swaks_over_starttls_delivers_into_postfix(gatepost, postfix):
    server = postfix()
    gate = gatepost(server, tls=True)
    run("swaks", "--server", f"127.0.0.1:{gate.port}", "--tls", "--from", "a@example.net",
        "--to", "user@example.org")
    trace = server.messages(1)[0].data
    assert b"with ESMTPS" in trace


def test_curl_delivers_through_gatepost_into_postfix(gatepost, postfix, folder):
    server = postfix()
    gate = gatepost(server)
    text = message(b"by curl\r\n.dot\r\n")
    (folder / "mail").write_bytes(text)
    run("curl", "-sS", f"smtp://127.0.0.1:{gate.port}/curl.example.net", "--mail-from",
        "a@example.net", "--mail-rcpt", "user@example.org", "--mail-rcpt", "two@example.org",
        "-T", folder / "mail")
    delivered = server.messages(1)[0]
    assert len(delivered.rcpt) == 2
    assert below_received(delivered.data) == text


def test_postfix_as_client_delivers_by_its_relayhost(gatepost, postfix, stack, folder, ports):
    from harness.postfix import Postfix
    server = postfix()
    gate = gatepost(server)
    (folder / "sender").mkdir()
    sender = Postfix(folder / "sender", ports, settings={
        "relayhost": f"[127.0.0.1]:{gate.port}", "relay_domains": "",
        "myhostname": "sender.example.net", "transport_maps": ""})
    stack.callback(sender.stop)
    with gate.log_contains(r" transaction .*user@example\.org"):
        sender.sendmail(message(b"by sendmail\n"), "-f", "a@example.net", "user@example.org")
        delivered = server.messages(1, timeout=30)[0]
    assert b"by sendmail\r\n" in delivered.data
    sender.wait_log("status=sent (250")


def test_smtp_source_sends_a_hundred_messages_in_parallel(gatepost, postfix):
    server = postfix()
    gate = gatepost(server)
    run("smtp-source", "-s", 10, "-m", 100, "-l", 4096, "-f", "a@example.net", "-t",
        "user@example.org", f"inet:127.0.0.1:{gate.port}")
    assert len(server.messages(100, timeout=40)) == 100


def test_foreign_recipient_of_a_stranger_is_refused_and_never_reaches_the_backend(gatepost,
                                                                                 make_backend):
    backend = make_backend()
    gate = gatepost(backend)
    done = run("swaks", "--server", f"127.0.0.1:{gate.port}", "--from", "a@example.net", "--to",
               "victim@elsewhere.example", ok=False)
    assert done.returncode != 0
    assert b"550 5.7.1" in done.stdout + done.stderr
    assert not backend.mail_sessions()


@pytest.mark.parametrize("recipient", [
    "victim@elsewhere.example", "user@example.org.evil.example", "user@sub.example.org",
    "user@xample.org", "victim%elsewhere.example@example.org",
    "elsewhere.example!victim@example.org", '"victim@elsewhere.example"@example.org',
    '"victim%elsewhere.example"@example.org', "/etc/passwd@example.org",
    "|sh@example.org", '"|sh"@example.org', "user@[127.0.0.1]", "user@[192.0.2.1]",
    "@example.org:victim@elsewhere.example",
])
def test_relay_attempt_is_refused_550_5_7_1(gatepost, backend, recipient):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd(f"RCPT TO:<{recipient}>", 550, "5.7.1")
        smtp.cmd("DATA", (503, 554))
        smtp.quit()
    assert not backend.mail_sessions()


@pytest.mark.parametrize("recipient", [
    "user@example.org", "user@EXAMPLE.Org", "user@example.org.", "postmaster@example.org",
    "@relay.example,@two.example:user@example.org", '"quoted user"@example.org',
])
def test_own_recipient_passes_to_the_backend(gatepost, backend, recipient):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd(f"RCPT TO:<{recipient}>")
        if recipient.endswith("."):  # a trailing dot is no RFC 5321 domain: either way, no relay
            assert reply.code in (250, 501), reply
        else:
            assert reply.code == 250, reply
        smtp.cmd("RSET", 250)


def test_postmaster_without_a_domain_passes(gatepost, backend):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<>", 250)
        smtp.cmd("RCPT TO:<Postmaster>", 250)
        smtp.data(message())
    assert backend.transactions[0].rcpt[0].upper().startswith(b"RCPT TO:<POSTMASTER")


def test_client_of_a_relay_network_may_send_anywhere(gatepost, backend):
    gate = gatepost(backend)
    with gate.client(source="127.0.0.2") as smtp:
        smtp.ehlo()
        smtp.envelope(recipients=("someone@elsewhere.example", "a%b@example.org"))
        smtp.data(message())
    assert len(backend.wait_transactions(1)[0].rcpt) == 2


def test_subdomains_pass_only_where_the_dot_form_is_listed(gatepost, backend):
    gate = gatepost(backend, relay={"domains": [".example.org"]})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<u@deep.sub.example.org>", 250)
        smtp.cmd("RCPT TO:<u@example.org>", 550, "5.7.1")
        smtp.cmd("RCPT TO:<u@notexample.org>", 550, "5.7.1")


def test_unknown_recipient_is_refused_in_session_with_the_backends_words(gatepost, make_backend):
    backend = make_backend(on={"RCPT": lambda s, line: "550 5.1.1 no such user here"
                               if b"nobody" in line else None})
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<nobody@example.org>", 550, "5.1.1")
        assert reply.text == "5.1.1 no such user here"
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        smtp.data(message())
    assert len(backend.transactions[0].rcpt) == 1


def test_recipients_file_refuses_unknown_users_early(gatepost, backend, folder):
    (folder / "recipients").write_text("user@example.org\n# comment\n", encoding="ascii")
    gate = gatepost(backend, relay={"recipients-file": str(folder / "recipients")})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<nobody@example.org>", 550, "5.1.1")
        assert not backend.mail_sessions()
        smtp.cmd("RCPT TO:<USER@example.org>", (250, 550))
        smtp.cmd("RCPT TO:<user@example.org>", 250)


def test_one_transaction_line_says_all_that_matters(gatepost, backend):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.ehlo("client.example.net")
        smtp.envelope(recipients=("user@example.org", "two@example.org"))
        smtp.data(message())
        smtp.quit()
    entry = gate.wait_log(r" transaction ")
    for word in ("127.0.0.1", "client.example.net", "sender@example.net", "user@example.org",
                 "two@example.org", "250"):
        assert word in entry.line, (word, entry.line)
    gate.wait_log(r" disconnect .*reason=")
    session = entry.session
    events = [e.event for e in gate.entries() if e.session == session]
    assert events.count("connect") == 1 and events.count("disconnect") == 1
    assert events.count("transaction") == 1


def test_peer_text_cannot_break_a_log_line(gatepost, backend):
    gate = gatepost(backend)
    with gate.client() as smtp:
        smtp.cmd(b"EHLO a\x1b[31mb\"c=d\\", (250, 501))
        smtp.ehlo()
        smtp.cmd(b'MAIL FROM:<"a\\"b c=d"@example.net>', 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        smtp.data(message())
        smtp.quit()
    entry = gate.wait_log(r" transaction ")
    assert "\x1b" not in gate.process.output()
    assert any('a\\"b c=d' in value or 'a"b c=d' in value for value in entry.field.values())
    until(lambda: gate.entries("disconnect"), "the disconnect line")
