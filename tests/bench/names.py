# SPDX-License-Identifier: ISC
"""The DNS of the benchmark: unbound on an address of its own, which all that is measured asks.

It answers from memory (local-data), so that it is quick and always equally so: four DNS lists
(BLOCK_LISTS), the reverse and forward names of CLIENTS clients (client i is FIRST_CLIENT + i and
mI.mail.example.net), and MX of example.net. LISTED is in the first list. Names under SLOW_LIST go
to a thread here that answers SLOW seconds later, and are not cached.

example.net has SPF, DKIM and DMARC records, too; signing_key() is the private half of its key.

It listens on port 53 where that can be had (Postfix knows no other), of a random 127.x.y.z.
"""

import base64
import collections
import functools
import ipaddress
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time

import servers

BLOCK_LISTS = [f"bl{number}.example" for number in range(1, 5)]
SLOW_LIST, SLOW = "slow.example", 0.05
FIRST_CLIENT, CLIENTS = ipaddress.IPv4Address("11.0.0.0"), 40000
LISTED = ipaddress.IPv4Address("11.255.0.2")
SELECTOR, KEY_BITS = "bench", 2048
SOA = "3600 IN SOA ns.example. hostmaster.example. 1 3600 900 604800 3600"
STATIC_ZONES = [*BLOCK_LISTS, "11.in-addr.arpa", "example.net"]
NXDOMAIN = 3

CONFIG = """\
server:
    interface: {host}
    port: {port}
    access-control: 127.0.0.0/8 allow
    do-daemonize: no
    use-syslog: no
    logfile: ""
    pidfile: ""
    chroot: ""
    username: ""
    directory: "{directory}"
    num-threads: 1
    module-config: "iterator"
    do-not-query-localhost: no
    qname-minimisation: no
    local-zone: "." static
    local-zone: "{slow}." transparent
    include: "{directory}/zones.conf"
remote-control:
    control-enable: no
stub-zone:
    name: "{slow}."
    stub-addr: 127.0.0.1@{slow_port}
    stub-no-cache: yes
"""


def _reverse(address):
    return ".".join(reversed(str(address).split(".")))


@functools.cache
def signing_key():
    """A private key in PEM, made once a run."""
    return subprocess.run(["openssl", "genrsa", "-traditional", str(KEY_BITS)], check=True,
                          capture_output=True).stdout


def _authentication():
    """The records of example.net by which its mail is known."""
    der = subprocess.run(["openssl", "rsa", "-pubout", "-outform", "DER"], input=signing_key(),
                         check=True, capture_output=True).stdout
    key = "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()
    strings = " ".join(f'"{key[at:at + 250]}"' for at in range(0, len(key), 250))
    yield f"{SELECTOR}._domainkey.example.net. 3600 IN TXT {strings}"
    yield 'example.net. 3600 IN TXT "v=spf1 ip4:11.0.0.0/8 -all"'
    yield '_dmarc.example.net. 3600 IN TXT "v=DMARC1; p=reject"'


def _records():
    """Every record, as lines of a zone file with absolute names."""
    for zone in STATIC_ZONES:
        yield f"{zone}. {SOA}"
    for zone in BLOCK_LISTS:
        yield f"2.0.0.127.{zone}. 3600 IN A 127.0.0.2"
    yield f"{_reverse(LISTED)}.{BLOCK_LISTS[0]}. 3600 IN A 127.0.0.2"
    yield from _authentication()
    yield "example.net. 3600 IN MX 10 m0.mail.example.net."
    yield f"listed.mail.example.net. 3600 IN A {LISTED}"
    yield f"{_reverse(LISTED)}.in-addr.arpa. 3600 IN PTR listed.mail.example.net."
    for number in range(CLIENTS):
        address, name = FIRST_CLIENT + number, f"m{number}.mail.example.net."
        yield f"{name} 3600 IN A {address}"
        yield f"{_reverse(address)}.in-addr.arpa. 3600 IN PTR {name}"


def query(name):
    """A question for the A of `name`."""
    labels = (bytes((len(label),)) + label.encode() for label in name.split("."))
    return (struct.pack("!6H", 1, 0x0100, 1, 0, 0, 0) + b"".join(labels) + b"\0"
            + struct.pack("!2H", 1, 1))


class SlowList:
    """A DNS list that answers each question after SLOW seconds: its positive canary is listed,
    all else NXDOMAIN."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((servers.HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.ended, self.end = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        os.close(self.end)
        self.thread.join()
        os.close(self.ended)
        self.socket.close()

    def _run(self):
        waiting = collections.deque()
        while True:
            wait = max(waiting[0][0] - time.monotonic(), 0) if waiting else None
            ready = select.select([self.socket, self.ended], [], [], wait)[0]
            if self.ended in ready:
                return
            if self.socket in ready:
                question, peer = self.socket.recvfrom(4096)
                waiting.append((time.monotonic() + SLOW, _slow_answer(question), peer))
            while waiting and waiting[0][0] <= time.monotonic():
                _, answer, peer = waiting.popleft()
                self.socket.sendto(answer, peer)


def _slow_answer(question):
    """An authoritative answer to the one question of a query, not to be kept."""
    end = question.index(0, 12) + 5
    listed = question[12:].startswith(b"\x012\x010\x010\x03127")
    header = question[:2] + struct.pack("!5H", 0x8400 | (0 if listed else NXDOMAIN), 1,
                                        int(listed), int(not listed), 0)
    zone = end - 4 - len(f".{SLOW_LIST}.")
    if listed:
        record = struct.pack("!HHHIH4B", 0xc00c, 1, 1, 0, 4, 127, 0, 0, 2)
    else:  # a SOA whose names are the root
        record = struct.pack("!HHHIH2B5I", 0xc000 | zone, 6, 1, 0, 22, 0, 0, 1, 0, 0, 0, 0)
    return header + question[12:end] + record


class Unbound(servers.Server):
    """See above; `host` and `port` are where it is to be asked."""

    name = "unbound"

    def __init__(self, base):
        super().__init__(base)
        self.host = "127." + ".".join(str(random.randrange(1, 255)) for _ in range(3))
        if os.geteuid() == 0:
            self.port = 53
        self.slow = None

    def command(self):
        self.slow = SlowList()
        zones = [f'local-zone: "{zone}." static' for zone in STATIC_ZONES]
        data = [f"local-data: '{record}'" for record in _records()]
        (self.dir / "zones.conf").write_text("\n".join(["server:"] + zones + data) + "\n")
        config = self.dir / "unbound.conf"
        config.write_text(CONFIG.format(host=self.host, port=self.port, directory=self.dir,
                                        slow=SLOW_LIST, slow_port=self.slow.port))
        return ["unbound", "-c", str(config)]

    def stop(self):
        super().stop()
        if self.slow:
            self.slow.stop()
            self.slow = None

    def _greets(self):
        """Whether it answers for the name of the last client."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(0.5)
            try:
                peer.sendto(query(f"m{CLIENTS - 1}.mail.example.net"), (self.host, self.port))
                answer = peer.recv(512)
            except OSError:
                return False
        return answer[7] == 1
