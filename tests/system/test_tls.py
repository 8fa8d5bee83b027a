# SPDX-License-Identifier: ISC
"""TLS on both legs: STARTTLS and implicit TLS, certificates and their change, injection, trust."""

import os
import shutil
import socket
import ssl
import subprocess

import pytest

from harness.backend import Raw
from harness.certs import fingerprint
from harness.client import Closed, any_certificate, message
from harness.wait import until


def trusting(authority):
    context = ssl.create_default_context(cafile=str(authority.certificate))
    return context


def shown(gate, name=None, context=None):
    """The certificate (DER) a client that asks for `name` is shown after STARTTLS."""
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls(context, name)
        der = smtp.sock.getpeercert(binary_form=True)
        smtp.cmd("NOOP", 250)
        return der


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))


def test_starttls_is_offered_only_outside_tls_and_the_dialogue_starts_over(gatepost, backend,
                                                                          authority):
    gate = gatepost(backend, tls=True)
    with gate.client() as smtp:
        assert "STARTTLS" in smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.starttls(trusting(authority), "mx.example.org")
        smtp.cmd("RCPT TO:<user@example.org>", 503)
        smtp.cmd("MAIL FROM:<a@example.net>", 503)
        assert "STARTTLS" not in smtp.ehlo()
        smtp.cmd("STARTTLS", (500, 502, 503, 554))
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    added = backend.transactions[0].added
    assert b"with ESMTPS" in added and b"TLSv1.3" in added
    entry = gate.wait_log(r" transaction .*user@example\.org")
    assert "TLSv1.3" in entry.line and "TLS_" in entry.line


def test_implicit_tls_speaks_tls_from_the_first_octet(gatepost, backend, authority):
    gate = gatepost(backend, tls=True, listens={"smtps": {"implicit-tls": True}})
    with gate.client("smtps", tls=trusting(authority), name="mx.example.org") as smtp:
        assert "STARTTLS" not in smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    assert b"with ESMTPS" in backend.transactions[0].added


class EarlyTLS:
    """A client's TLS over the bytes of `sock`, whose hello can be had before anything is sent."""

    def __init__(self):
        self.sock, self.got, self.out = None, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = any_certificate().wrap_bio(self.got, self.out)

    def hello(self):
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.out.read()

    def step(self, function, *args):
        """The result of `function`, which gets more bytes from the socket as long as it wants."""
        result, wants = None, True
        while wants:
            try:
                result, wants = function(*args), False
            except ssl.SSLWantReadError:
                pass
            self.sock.sendall(self.out.read())
            if wants:
                data = self.sock.recv(65536)
                self.got.write(data) if data else self.got.write_eof()
        return result

    def sendall(self, data):
        self.step(self.tls.write, data)

    def recv(self, size):
        return self.step(self.tls.read, size)

    def close(self):
        self.sock.close()


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 192.0.2.77 192.0.2.250 4321 25\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("192.0.2.77") * 2 + b"\x10\xe1\0\x19"
], ids=["v1", "v2"])
@pytest.mark.parametrize("split", [False, True], ids=["whole", "hello in two"])
def test_the_tls_hello_may_come_in_one_segment_with_the_proxy_header(gatepost, backend, header,
                                                                     split):
    gate = gatepost(backend, tls=True, listens={"smtps": {
        "implicit-tls": True, "proxy-protocol-from": ["127.0.0.0/8"]}})
    early = EarlyTLS()
    hello = early.hello()
    cut = len(hello) // 2 if split else len(hello)
    with gate.client("smtps", first=header + hello[:cut], banner=False) as smtp:
        smtp.send(hello[cut:])
        early.sock, smtp.sock = smtp.sock, early
        early.step(early.tls.do_handshake)
        smtp.expect(220)
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.cmd("QUIT", 221)
    added = backend.transactions[0].added
    assert b"192.0.2.77" in added and b"with ESMTPS" in added


def test_sni_chooses_the_certificate_and_the_first_is_the_default(gatepost, backend, authority):
    one, two = authority.pair("mx.example.org"), authority.pair("mail.other.example")
    gate = gatepost(backend, tls=[one, two])
    assert shown(gate, "mx.example.org") == der(one[0])
    assert shown(gate, "mail.other.example") == der(two[0])
    assert shown(gate, "unknown.example") == der(one[0])
    assert shown(gate) == der(one[0])


def test_ecdsa_stands_beside_rsa_for_one_name(gatepost, backend, authority):
    rsa = authority.pair("mx.example.org", "rsa")
    ecdsa = authority.pair("mx.example.org", "ec")
    gate = gatepost(backend, tls=[rsa, ecdsa])
    for kind, pair in (("RSA", rsa), ("ECDSA", ecdsa)):
        context = any_certificate()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
        assert shown(gate, "mx.example.org", context) == der(pair[0])


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_tls_is_refused(gatepost, backend, version):
    gate = gatepost(backend, tls=True)
    context = any_certificate()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = getattr(ssl.TLSVersion, version)
    context.maximum_version = getattr(ssl.TLSVersion, version)
    with gate.client() as smtp:
        smtp.ehlo()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            smtp.starttls(context)
    with gate.client() as smtp:
        smtp.ehlo()


def test_openssl_s_client_speaks_tls_1_2_and_1_3(gatepost, backend, authority):
    gate = gatepost(backend, tls=True)
    for option, word in (("-tls1_2", b"TLSv1.2"), ("-tls1_3", b"TLSv1.3")):
        done = subprocess.run(["openssl", "s_client", "-starttls", "smtp", option, "-connect",
                               f"127.0.0.1:{gate.port}", "-CAfile", str(authority.certificate),
                               "-verify_return_error", "-crlf"], input=b"QUIT\n",
                              capture_output=True, check=False, timeout=30)
        assert word in done.stdout and b"Verify return code: 0" in done.stdout, done.stdout


@pytest.mark.parametrize("injected", [b"NOOP\r\n", b"EHLO x\r\nMAIL FROM:<a@example.net>\r\n",
                                      b"X"])
def test_plaintext_pipelined_behind_starttls_is_554_and_close(gatepost, backend, injected):
    gate = gatepost(backend, tls=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.send(b"STARTTLS\r\n" + injected)
        smtp.expect(554)
        smtp.eof()


def test_starttls_without_a_certificate_is_not_offered(gate):
    with gate.client() as smtp:
        assert "STARTTLS" not in smtp.ehlo()
        smtp.cmd("STARTTLS", (500, 502, 503))


def test_garbage_instead_of_a_handshake_ends_the_session(gatepost, backend):
    gate = gatepost(backend, tls=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("STARTTLS", 220)
        smtp.send(b"MAIL FROM:<a@example.net>\r\n" * 4)
        while smtp.more():
            pass
        assert b"250" not in smtp.buffer
    gate.wait_log(r" disconnect .*reason=.*(?i:tls)")


def test_a_hanging_handshake_meets_its_timeout(gatepost, backend):
    gate = gatepost(backend, tls=True, timeouts={"handshake": "1s"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("STARTTLS", 220)
        smtp.eof()


def test_tls_closed_inside_a_bdat_chunk_does_no_harm(gatepost, backend):
    gate = gatepost(backend, tls=True, learn=["CHUNKING"])
    for abrupt in (False, True):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.starttls()
            smtp.ehlo()
            smtp.envelope()
            smtp.send(b"BDAT 1000\r\n" + b"x" * 300)
            if not abrupt:
                smtp.sock.settimeout(5)
                try:
                    smtp.sock.unwrap().close()
                except (ssl.SSLError, OSError):
                    pass
            smtp.close()
    until(lambda: len(gate.entries("disconnect")) >= 2, "both sessions end")
    with gate.client() as smtp:
        smtp.ehlo()
    assert not backend.transactions


def replace_pair(target, source):
    for to, new in zip(target, source):
        temporary = to.with_name(to.name + ".new")
        shutil.copy(new, temporary)
        temporary.chmod(0o644)
        os.rename(temporary, to)


def own_pair(authority, folder):
    """A pair in the test's folder, to be replaced."""
    pair = authority.pair("mx.example.org")
    mine = (folder / "mx.pem", folder / "mx.key")
    replace_pair(mine, pair)
    return mine


def test_certificates_are_read_again_on_sighup(gatepost, backend, authority, folder):
    mine, fresh = own_pair(authority, folder), authority.pair("mx.example.org")
    gate = gatepost(backend, tls=[mine])
    with gate.client() as old:
        old.ehlo()
        replace_pair(mine, fresh)
        gate.reload()
        until(lambda: shown(gate) == der(fresh[0]), "the new certificate")
        old.cmd("NOOP", 250)


def test_certificates_are_read_again_when_their_file_changes(gatepost, backend, authority,
                                                             folder):
    mine, fresh = own_pair(authority, folder), authority.pair("mx.example.org")
    gate = gatepost(backend, tls=[mine])
    replace_pair(mine, fresh)
    until(lambda: shown(gate) == der(fresh[0]), "the new certificate", 30, 0.1)


def test_a_failed_reread_keeps_the_old_certificate_and_warns(gatepost, backend, authority,
                                                             folder):
    mine = own_pair(authority, folder)
    gate = gatepost(backend, tls=[mine])
    before = shown(gate)
    other = authority.pair("mx.example.org")
    with gate.log_contains(r"^\S+ (warning|error) .*mx\.(pem|key)", timeout=30):
        replace_pair((mine[0],), (other[0],))  # the certificate without its key
        gate.signal(1)
    assert shown(gate) == before
    with gate.log_contains(r"^\S+ (warning|error) .*mx\.(pem|key)", timeout=30):
        mine[0].unlink()
        gate.signal(1)
    assert shown(gate) == before


# Toward the backend

def tls_backend(make_backend, authority, name="backend.example.org", **more):
    pair = authority.pair(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS", "SIZE"]
    return make_backend(keywords, tls=context, **more), pair


def send_one(gate, expect=250):
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<user@example.org>")
        assert reply.code == expect, reply
        if expect == 250:
            smtp.data(message())
        return reply


def test_backend_tls_may_uses_tls_where_offered(gatepost, make_backend, authority):
    backend, _ = tls_backend(make_backend, authority)
    send_one(gatepost({"address": backend, "tls": "may"}))
    assert backend.transactions[0].session.tls
    plain = make_backend(["8BITMIME"])
    send_one(gatepost({"address": plain, "tls": "may"}))
    assert not plain.transactions[0].session.tls


def test_backend_tls_no_never_says_starttls(gatepost, make_backend, authority):
    backend, _ = tls_backend(make_backend, authority)
    send_one(gatepost({"address": backend, "tls": "no"}))
    assert "STARTTLS" not in backend.transactions[0].session.verbs


def test_backend_tls_verify_takes_the_right_certificate(gatepost, make_backend, authority):
    backend, _ = tls_backend(make_backend, authority)
    send_one(gatepost({"address": backend, "tls": "verify", "tls-name": "backend.example.org",
                       "tls-ca-file": str(authority.certificate)}))
    assert backend.transactions[0].session.tls


@pytest.mark.parametrize("fault", ["other name", "other authority", "not offered", "wrong pin"])
def test_backend_tls_verify_refuses_everything_else_with_451(gatepost, make_backend, authority,
                                                             folder, fault):
    from harness.certs import Authority
    options = {"tls": "verify", "tls-name": "backend.example.org",
               "tls-ca-file": str(authority.certificate)}
    backend, _ = tls_backend(make_backend, authority,
                             "evil.example" if fault == "other name" else "backend.example.org")
    if fault == "other authority":
        other = Authority(folder / "other")
        options["tls-ca-file"] = str(other.certificate)
    elif fault == "not offered":
        backend = make_backend(["8BITMIME"])
    elif fault == "wrong pin":
        options.pop("tls-ca-file")
        options["tls-fingerprints"] = ["00" * 32]
    gate = gatepost({"address": backend, **options})
    with gate.log_contains(r" backend-fault "):
        reply = send_one(gate, 451)
    assert reply.enhanced and reply.enhanced.startswith("4.")
    assert not backend.transactions


def test_backend_tls_pin_takes_the_pinned_certificate_whoever_signed_it(gatepost, make_backend,
                                                                        authority):
    backend, pair = tls_backend(make_backend, authority, "whatever.example")
    send_one(gatepost({"address": backend, "tls": "verify", "tls-fingerprints": [fingerprint(pair[0])]}))
    assert backend.transactions[0].session.tls


def test_plaintext_behind_the_backends_220_is_a_fault_451(gatepost, make_backend, authority):
    backend, _ = tls_backend(make_backend, authority)
    gate = gatepost({"address": backend, "tls": "may"}, learn=True)
    backend.on["STARTTLS"] = Raw(b"220 2.0.0 go\r\n250 2.1.0 injected\r\n")
    with gate.log_contains(r" backend-fault "):
        assert send_one(gate, 451).enhanced == "4.3.0"
    assert not backend.transactions


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "554 5.7.0 never", "501 5.5.4 what"])
def test_a_refused_starttls_is_451_where_tls_must_be(gatepost, make_backend, authority, reply):
    backend, pair = tls_backend(make_backend, authority, on={"STARTTLS": reply})
    gate = gatepost({"address": backend, "tls": "verify", "tls-fingerprints": [fingerprint(pair[0])]})
    send_one(gate, 451)
    assert not backend.transactions


def test_a_client_that_closes_without_close_notify_is_no_error(gatepost, backend):
    gate = gatepost(backend, tls=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls()
        smtp.ehlo()
        raw = socket.socket(fileno=smtp.sock.detach())
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
    entry = gate.wait_log(" disconnect ")
    assert entry.level == "info", entry
    assert not gate.entries("error")


def test_a_slow_tls_reader_gets_all_replies(gatepost, backend):
    gate = gatepost(backend, tls=True, limits={"junk-commands": 10000})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.starttls()
        smtp.ehlo()
        try:
            smtp.send(b"NOOP\r\n" * 500)
            for _ in range(500):
                smtp.expect(250)
        except Closed as closed:
            raise AssertionError("replies lost") from closed
