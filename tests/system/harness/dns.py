# SPDX-License-Identifier: ISC
"""A DNS server (UDP and TCP on one port) that answers for the whole world from a table, and lies
where a rule says so. Both may be changed while it runs.

The table is honest: records by name, CNAMEs followed, NODATA and NXDOMAIN told apart, with the SOA
that negative caching needs. A rule is asked before the table; it is a function of the Query, or one
of the classes below; what it returns None for goes on to the next rule, then to the table."""

import ipaddress
import socket
import struct
import threading
import time

from dnslib import A, AAAA, CNAME, DNSRecord, MX, PTR, QTYPE, RCODE, RD, RR, SOA, TXT

from .wait import settle, until

SOA_OWNER = "world.example"
CANARIES = ("127.0.0.2", "::ffff:7f00:2")


def normal(name):
    return str(name).rstrip(".").lower()


def reverse(address):
    """The address as DNS lists spell it: octets or nibbles reversed."""
    return arpa(address).rsplit(".", 2)[0]


def arpa(address):
    return ipaddress.ip_address(address).reverse_pointer


def list_key(what, zone):
    """What is asked to learn whether an address, or a name, is on a list."""
    try:
        return f"{reverse(what)}.{normal(zone)}"
    except ValueError:
        return f"{normal(what)}.{normal(zone)}"


def canaries(config):
    """The names that probe the configured lists."""
    default = {"dnsbl": ("127.0.0.2", "127.0.0.1"), "rhsbl": ("test", "invalid")}
    names = []
    for key, block in config.items():
        if isinstance(key, tuple) and key[0] in default and block.get("mode") != "off":
            listed, clean = default[key[0]]
            names += [list_key(what, key[1]) for what in
                      (block.get("listed", listed), block.get("clean", clean)) if what != "off"]
    return names


def wait_probed(gate, dns, before=0):
    """Until each canary was asked for more than `before` times, and what that means is noted."""
    for name in (names := canaries(gate.config)):
        dns.wait_asked(name, before + 1)
    if names:
        settle(0.1)  # from the answer on its way to a verdict in the table


class Query:
    """One question as it was asked."""

    def __init__(self, request, transport):
        self.request, self.transport = request, transport
        self.name, self.type = normal(request.q.qname), QTYPE.get(request.q.qtype, "?")
        self.time = time.monotonic()
        self.edns = any(rr.rtype == QTYPE.OPT for rr in request.ar)

    def __repr__(self):
        return f"<{self.transport} {self.type} {self.name}>"

    def reply(self, rcode="NOERROR"):
        reply = self.request.reply()
        reply.header.ra, reply.header.aa = 1, 0
        reply.header.rcode = getattr(RCODE, rcode)
        return reply


# What rules may do; each is called with (server, query).

class Records:
    """Answers these values, whatever the table says: texts of the query's type."""

    def __init__(self, *values, ttl=None):
        self.values, self.ttl = values, ttl

    def __call__(self, server, query):
        reply = query.reply()
        for value in self.values:
            reply.add_answer(server.record(query.name, query.type, value, self.ttl))
        return reply


class Rcode:
    """That code and nothing else."""

    def __init__(self, name):
        self.name = name

    def __call__(self, server, query):
        return query.reply(self.name)


class Drop:
    """Silence."""

    def __call__(self, server, query):
        return []


class Delay:
    """The answer of `then` (by default the table's), `seconds` late. Nobody else waits."""

    def __init__(self, seconds, then=None):
        self.seconds, self.then = seconds, then

    def __call__(self, server, query):
        reply = self.then(server, query) if self.then else server.lookup(query)
        return Late(self.seconds, reply)


class WrongId:
    """An answer to a question nobody asked, `times` of them; then the true one, or silence."""

    def __init__(self, then=None, forged="127.0.0.2", truth=False):
        self.then, self.forged, self.truth = then, forged, truth

    def __call__(self, server, query):
        reply = Records(self.forged)(server, query)
        reply.header.id = (reply.header.id + 1) % 65536
        return [reply, server.lookup(query)] if self.truth else [reply]


class Truncated:
    """TC by UDP; by TCP (where it is served) the answer of `then` or the table."""

    def __init__(self, then=None):
        self.then = then

    def __call__(self, server, query):
        if query.transport == "tcp":
            return self.then(server, query) if self.then else server.lookup(query)
        reply = query.reply()
        reply.header.tc = 1
        return reply


class CnameLoop:
    """a.loop -> b.loop -> a.loop, both told in every answer."""

    def __call__(self, server, query):
        reply = query.reply()
        other = "loop-" + query.name if not query.name.startswith("loop-") else query.name[5:]
        reply.add_answer(RR(query.name, QTYPE.CNAME, ttl=60, rdata=CNAME(other)))
        reply.add_answer(RR(other, QTYPE.CNAME, ttl=60, rdata=CNAME(query.name)))
        return reply


class Bytes:
    """These octets behind the header's id, whatever they are."""

    def __init__(self, data):
        self.data = data

    def __call__(self, server, query):
        return [struct.pack("!H", query.request.header.id) + self.data]


class Forward:
    """Asks another server (rbldnsd) by UDP and passes its answer on."""

    def __init__(self, address):
        self.address = getattr(address, "address", address)

    def __call__(self, server, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(3)
            try:
                sock.connect(self.address)
                sock.send(query.request.pack())
                return [sock.recv(4096)]
            except OSError:
                return query.reply("SERVFAIL")


class Late:
    """Send `reply` after `seconds`."""

    def __init__(self, seconds, reply):
        self.seconds, self.reply = seconds, reply


class DnsServer:
    """`tcp`: whether TCP is served at all. `ttl`: of every record and negative answer."""

    def __init__(self, port, host="127.0.0.1", tcp=True, ttl=0):
        self.address = (host, port)
        self.ttl = ttl
        self.table = {}   # name: {type: [value]}
        self.rules = []   # (pattern, type or None, action), newest first
        self.queries = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.udp.bind(self.address)
        threading.Thread(target=self._serve_udp, daemon=True).start()
        self.listener = None
        if tcp:
            self.listener = socket.socket(family, socket.SOCK_STREAM)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(self.address)
            self.listener.listen(64)
            threading.Thread(target=self._serve_tcp, daemon=True).start()

    # The table

    def add(self, name, kind, *values):
        """`values`: addresses, names, texts (str or bytes, or lists of them as the strings of one
        record), "10 host" for MX, "3 1 1 hex" for TLSA."""
        with self.lock:
            self.table.setdefault(normal(name), {}).setdefault(kind, []).extend(values)
        return self

    def remove(self, name, kind=None):
        with self.lock:
            if kind is None:
                self.table.pop(normal(name), None)
            else:
                self.table.get(normal(name), {}).pop(kind, None)

    def host(self, name, *addresses):
        for address in addresses:
            self.add(name, "AAAA" if ":" in address else "A", address)
        return self

    def ptr(self, address, *names):
        return self.add(arpa(address), "PTR", *names)

    def client(self, address, name):
        """A client as it should be: its name points to it and back."""
        return self.host(name, address).ptr(address, name)

    def zone(self, zone, canaries=True):
        return Zone(self, zone, canaries)

    # Rules

    def rule(self, pattern, action, kind=None):
        """`pattern`: a name, "*.zone" for all below it, "*" for all. The newest is asked first.
        Returns a token for drop_rule()."""
        rule = (normal(pattern), kind, action)
        with self.lock:
            self.rules.insert(0, rule)
        return rule

    def drop_rule(self, rule):
        with self.lock:
            self.rules.remove(rule)

    def dead(self):
        """Says nothing more, as a resolver that has gone."""
        return self.rule("*", Drop())

    # What was asked

    def asked(self, pattern="*", kind=None):
        with self.lock:
            queries = list(self.queries)
        return [q for q in queries if matches(normal(pattern), q.name) and kind in (None, q.type)]

    def forget(self):
        with self.lock:
            self.queries.clear()

    def wait_asked(self, pattern, count=1, kind=None, timeout=10):
        return until(lambda: len(self.asked(pattern, kind)) >= count and self.asked(pattern, kind),
                     lambda: f"{count} questions for {pattern}, but {self.queries[-40:]}", timeout)

    # Answering

    def record(self, name, kind, value, ttl=None):
        make = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "PTR": odd_ptr, "TXT": TXT, "TLSA": tlsa,
                "MX": lambda v: MX(v.split(" ")[1], int(v.split(" ")[0]))}[kind]
        return RR(name, getattr(QTYPE, kind), ttl=self.ttl if ttl is None else ttl,
                  rdata=make(value))

    def lookup(self, query):
        """What the table says."""
        reply, name = query.reply(), query.name
        with self.lock:
            for _ in range(10):
                held = self.table.get(name, {})
                if "CNAME" not in held or query.type == "CNAME":
                    break
                reply.add_answer(self.record(name, "CNAME", held["CNAME"][0]))
                name = normal(held["CNAME"][0])
            values = held.get(query.type, [])
            exists = name in self.table or any(n.endswith("." + name) for n in self.table)
        for value in values:
            reply.add_answer(self.record(name, query.type, value))
        if not values:
            reply.header.rcode = RCODE.NOERROR if exists else RCODE.NXDOMAIN
            reply.add_auth(RR(SOA_OWNER, QTYPE.SOA, ttl=self.ttl, rdata=SOA(
                "ns." + SOA_OWNER, "hostmaster." + SOA_OWNER,
                (1, 3600, 600, 86400, self.ttl))))
        return reply

    def _answer(self, data, transport, send):
        query = Query(DNSRecord.parse(data), transport)
        with self.lock:
            self.queries.append(query)
            rules = [action for pattern, kind, action in self.rules
                     if matches(pattern, query.name) and kind in (None, query.type)]
        reply = None
        for action in rules:
            reply = action(self, query)
            if reply is not None:
                break
        else:
            reply = self.lookup(query)
        if isinstance(reply, Late):
            timer = threading.Timer(reply.seconds, self._send, (send, reply.reply, query))
            timer.daemon = True
            timer.start()
        else:
            self._send(send, reply, query)

    def _send(self, send, replies, query):
        for reply in replies if isinstance(replies, list) else [replies]:
            data = reply if isinstance(reply, bytes) else reply.pack()
            if query.transport == "udp" and len(data) > 1232 and not isinstance(reply, bytes):
                cut = query.reply()
                cut.header.tc = 1
                data = cut.pack()
            try:
                send(data)
            except OSError:
                pass

    def _serve_udp(self):
        while not self.stopping.is_set():
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            self._careful(data, "udp", lambda reply, peer=peer: self.udp.sendto(reply, peer))

    def _careful(self, data, transport, send):
        """One bad packet, or one bad rule, must not end the server."""
        try:
            self._answer(data, transport, send)
        except Exception as fault:  # pylint: disable=broad-except
            if not self.stopping.is_set():
                print(f"DNS server: {fault!r} for {data!r}")

    def _serve_tcp(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_stream, args=(sock,), daemon=True).start()

    def _serve_stream(self, sock):
        with sock, sock.makefile("rb") as stream:
            while True:
                try:
                    head = stream.read(2)
                    data = stream.read(struct.unpack("!H", head)[0]) if len(head) == 2 else b""
                except OSError:
                    return
                if not data:
                    return
                self._careful(data, "tcp", lambda reply: sock.sendall(
                    struct.pack("!H", len(reply)) + reply))

    def stop(self):
        self.stopping.set()
        for sock in (self.udp, self.listener):
            if sock is None:
                continue
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


def matches(pattern, name):
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return name == pattern


def odd_ptr(value):
    """A PTR's name; bytes are one label as it is, dots and spaces and all, under .example."""
    if isinstance(value, bytes):
        return PTR([value, b"example"])
    return PTR(value)


def tlsa(value):
    *numbers, data = value.split(" ")
    return RD(bytes(int(n) for n in numbers) + bytes.fromhex(data))


class Zone:
    """A DNS list as lists should be: the canaries of RFC 5782 and what is listed."""

    def __init__(self, server, name, canaries=True):
        self.server, self.name = server, name
        server.add(name, "TXT", "a list")
        if canaries:
            for canary in CANARIES:
                server.add(f"{reverse(canary)}.{name}", "A", "127.0.0.2")
            server.add(f"test.{name}", "A", "127.0.0.2")

    def list(self, what, *codes):
        """`what`: an address or a name; `codes`: what is answered (127.0.0.2)."""
        self.server.add(self.key(what), "A", *(codes or ("127.0.0.2",)))
        return self

    def unlist(self, what):
        self.server.remove(self.key(what))

    def key(self, what):
        return list_key(what, self.name)

    def lie(self, *codes):
        """From now on these codes for everyone. Returns the rule."""
        return self.server.rule("*." + self.name, Records(*codes), "A")

    def asked(self, what):
        return self.server.asked(self.key(what))
