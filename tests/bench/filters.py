# SPDX-License-Identifier: ISC
"""gatepostd and Postfix with checks on: four DNS lists, reverse DNS and HELO; clients say PROXY.

Both ask the same unbound (names.py). `judging` waits until a client that is listed is turned away,
which shows that the lists are asked.
"""

import socket
import time

import names
import servers

JUDGING_TIMEOUT = 20.0


def dns(unbound):
    return f'dns {{ servers = {{"{unbound.host}:{unbound.port}"}} }}\n'


def lists(*zones):
    return "".join(f'dnsbl "{zone}" {{ score = 6 }}\n' for zone in zones)


def judging_policy(unbound):
    """Configuration of gatepostd with the checks that Postfix has too."""
    return dns(unbound) + lists(*names.BLOCK_LISTS) + servers.checks_off("reverse-dns", "helo")


POSTFIX_CHECKS = """\
smtpd_peername_lookup = yes
smtpd_client_restrictions = reject_unknown_client_hostname
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname,
    reject_unknown_helo_hostname
smtpd_recipient_restrictions = {lists}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
"""


class JudgingPostfix(servers.Postfix):
    """Postfix smtpd with reject_rbl_client for the same lists, in a chroot with a resolv.conf of
    its own."""

    name = "postfix-judging"
    preface = servers.PROXY_LOCAL

    def __init__(self, base, sink_port, unbound):
        super().__init__(base, sink_port)
        self.unbound = unbound

    def _main_cf(self):
        plain = super()._main_cf().replace("smtpd_peername_lookup = no\n", "")
        asked = ", ".join(f"reject_rbl_client {zone}" for zone in names.BLOCK_LISTS)
        return (plain.replace("smtpd_client_restrictions =\n", "")
                + POSTFIX_CHECKS.format(lists=asked))

    def _master_cf(self):
        return super()._master_cf().replace(
            "n - n - 300 smtpd", "n - y - 300 smtpd -o smtpd_upstream_proxy_protocol=haproxy")

    def _make_queue(self):
        super()._make_queue()
        if self.unbound.port != 53:
            raise servers.ServerError("Postfix asks port 53 only, and that is not to be had")
        etc = self.dir / "queue/etc"
        etc.mkdir()
        (etc / "resolv.conf").write_text(f"nameserver {self.unbound.host}\n")
        (etc / "nsswitch.conf").write_text("hosts: files dns\nservices: files\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        (etc / "services").write_text("smtp 25/tcp\ndomain 53/udp\n")


def _is_turned_away(server, client):
    """One dialogue in the name of `client`, up to RCPT."""
    with socket.create_connection((servers.HOST, server.port), timeout=10) as peer:
        peer.sendall(f"PROXY TCP4 {client} {servers.HOST} 40000 25\r\n".encode())
        stream = peer.makefile("rwb")
        for command in (b"", b"EHLO m0.mail.example.net", b"MAIL FROM:<sender@example.net>",
                        b"RCPT TO:<user@example.org>"):
            if command:
                stream.write(command + b"\r\n")
                stream.flush()
            reply = stream.readline()
            while reply[3:4] == b"-":
                reply = stream.readline()
            if not reply.startswith(b"2"):
                return command.startswith(b"RCPT") and reply.startswith(b"5")
        return False


def await_judging(server):
    """Waits until the DNS lists are asked and heeded. Raises ServerError."""
    deadline = time.monotonic() + JUDGING_TIMEOUT
    while time.monotonic() < deadline:
        try:
            if _is_turned_away(server, names.LISTED):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise servers.ServerError(f"{server.name} let a listed client in for {JUDGING_TIMEOUT:.0f} s")
