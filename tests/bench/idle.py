# SPDX-License-Identifier: ISC
"""Resident memory of idle sessions: connected, greeted, EHLO answered, then silent.

A batch of sessions is taken through each step together, so that a server which answers late costs
its delay once a batch and not once a session. A few sessions are opened and closed first, so that
what a server allocates once is not charged to the sessions.
"""

import socket
import ssl
import time

import procstat
import servers

BATCH = 200
WARM_UP = 64
SETTLE = 1.0
TIMEOUT = 30.0


class IdleError(RuntimeError):
    """A session could not be brought to rest; the text says why."""


def _read_reply(peer):
    """One whole reply, however many lines."""
    data = b""
    while True:
        chunk = peer.recv(4096)
        if not chunk:
            raise IdleError(f"connection closed after {data!r}")
        data += chunk
        last = data.splitlines()[-1]
        if data.endswith(b"\r\n") and last[3:4] != b"-":
            return data


def _expect(peers, code):
    for peer in peers:
        reply = _read_reply(peer)
        if not reply.startswith(code):
            raise IdleError(f"expected {code.decode()}, got {reply[:200]!r}")


def _command(peers, line, code):
    for peer in peers:
        peer.sendall(line)
    _expect(peers, code)


def _tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _open_batch(port, count, tls, context):
    """`tls` is None, "starttls" or "implicit"."""
    peers = [socket.create_connection((servers.HOST, port), timeout=TIMEOUT) for _ in range(count)]
    if tls == "implicit":
        peers = [context.wrap_socket(peer) for peer in peers]
    _expect(peers, b"220")
    _command(peers, b"EHLO client.example.net\r\n", b"250")
    if tls == "starttls":
        _command(peers, b"STARTTLS\r\n", b"220")
        peers = [context.wrap_socket(peer) for peer in peers]
        _command(peers, b"EHLO client.example.net\r\n", b"250")
    return peers


def _open(port, count, tls):
    context = _tls_context() if tls else None
    peers = []
    try:
        while len(peers) < count:
            peers += _open_batch(port, min(BATCH, count - len(peers)), tls, context)
    except OSError as error:
        _close(peers)
        raise IdleError(f"after {len(peers)} sessions: {error}") from None
    return peers


def _close(peers):
    for peer in peers:
        peer.close()


def bytes_per_session(server, count, tls=None):
    """Resident bytes each of `count` idle sessions adds to `server`. Raises IdleError."""
    _close(_open(server.port, WARM_UP, tls))
    time.sleep(SETTLE)
    before = procstat.resident_bytes(server.pid)
    peers = _open(server.port, count, tls)
    try:
        time.sleep(SETTLE)
        return (procstat.resident_bytes(server.pid) - before) / count
    finally:
        _close(peers)
