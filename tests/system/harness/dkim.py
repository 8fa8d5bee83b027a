# SPDX-License-Identifier: ISC
"""policy/auth/dkim asked through tests/unit/drivers/dkim_driver, which has its keys from a DnsServer;
and the real opendkim as a signer, spoken to as a mail server would (milter)."""

import collections
import socket
import struct
import subprocess

from . import SLOW
from .suite import driver
from .wait import until

Signature = collections.namedtuple(
    "Signature", "result domain selector identity algorithm b bits testing why")
Case = collections.namedtuple("Case", "message now signatures partial", defaults=(8, False))


def verify(dns, cases):
    """Of each Case its Signatures, in the order of the header."""
    lines = [f"{case.now} {case.signatures} {int(case.partial)} {case.message.hex()}\n"
             for case in cases]
    host, port = dns.address
    done = subprocess.run([driver("dkim_driver"), f"{host}:{port}"], input="".join(lines),
                          text=True, capture_output=True, timeout=120 * SLOW, check=False)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines)
    return [[Signature(*word.split(",", 8)) for word in answer.split("\t") if word]
            for answer in answers]


def wire(message):
    """With CRLF, whatever it had."""
    return message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def split(message):
    """[(name, value)] with the blanks of the value and its folding, and the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = []
    for line in head.split(b"\r\n"):
        if line[:1] in b" \t":
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return [tuple(field.split(b":", 1)) for field in fields], body


class OpenDkim:
    """opendkim as a process of this test, signing for one domain. `config`: lines of its file."""

    def __init__(self, folder, port, config):
        self.address = ("127.0.0.1", port)
        lines = {"Mode": "s", "Socket": f"inet:{port}@127.0.0.1", "Syslog": "no",
                 "InternalHosts": "127.0.0.1", "RequireSafeKeys": "no", **config}
        path = folder / f"opendkim-{port}.conf"
        path.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        self.log = open(folder / f"opendkim-{port}.log", "wb")
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", str(path)],
                                        stdout=self.log, stderr=self.log)
        until(self._listens, lambda: f"opendkim: {self.process.poll()}, {self._logged()}", 20)

    def _logged(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            return log.read()

    def _listens(self):
        assert self.process.poll() is None, self._logged()
        try:
            socket.create_connection(self.address, 5).close()
        except OSError:
            return False
        return True

    def sign(self, message):
        """The message (CRLF) with the signature in front."""
        fields, body = split(message)
        with socket.create_connection(self.address, 20) as sock:
            milter = Milter(sock)
            milter.negotiate()
            milter.ask(b"C", b"localhost\x004" + struct.pack("!H", 25) + b"127.0.0.1\x00")
            milter.ask(b"H", b"localhost\x00")
            milter.ask(b"M", b"<joe@example.org>\x00")
            milter.ask(b"R", b"<suzie@example.net>\x00")
            for name, value in fields:
                milter.ask(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0")
            milter.ask(b"N")
            for at in range(0, len(body), 65535):
                milter.ask(b"B", body[at:at + 65535])
            added = milter.end()
        assert added, f"opendkim did not sign: {self._logged()}"
        return b"".join(name + b":" + wire(value) + b"\r\n" for name, value in added) + message

    def stop(self):
        self.process.kill()  # asked to end it waits five seconds; it has nothing to lose
        self.process.wait(20)
        self.log.close()


class Milter:
    """The mail server's side of the milter protocol, version 6."""

    ACTIONS, STEPS = 0x1FF, 0x100000  # all; blanks in front of a value are told

    def __init__(self, sock):
        self.sock = sock
        self.silent = set()

    def send(self, command, data=b""):
        self.sock.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def read(self):
        size = struct.unpack("!I", self._exactly(4))[0]
        packet = self._exactly(size)
        return packet[:1], packet[1:]

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            assert more, "the milter has gone"
            data += more
        return data

    def negotiate(self):
        self.send(b"O", struct.pack("!III", 6, self.ACTIONS, self.STEPS))
        command, data = self.read()
        assert command == b"O"
        self.leading_blanks = struct.unpack("!III", data[:12])[2] & self.STEPS
        assert self.leading_blanks, "it would not see the blanks in front of values"

    def ask(self, command, data=b""):
        self.send(command, data)
        answer, _ = self.read()
        assert answer == b"c", f"{command} was answered {answer}"

    def end(self):
        """The fields it adds, in their order."""
        self.send(b"E")
        added = []
        while True:
            answer, data = self.read()
            if answer == b"i":
                name, value = data[4:].split(b"\0")[:2]
                added.insert(0, (name, value))
            elif answer in (b"c", b"a"):
                return added
            else:
                assert answer in (b"p", b"h", b"m"), f"the milter said {answer} {data}"
