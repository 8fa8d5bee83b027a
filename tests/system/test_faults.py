# SPDX-License-Identifier: ISC
"""Everything breaks: backends, clients, gatepostd itself, disks, descriptors. No client may hold a
250 whose message the backend lacks, and what fails is 4xx with an enhanced code, never a 5xx of our
own making."""

import itertools
import os
import pathlib
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from harness import SLOW
from harness.backend import Close, Hang, Raw
from harness.client import Closed, message, stuffed
from harness.visitor import CLEAN, Visit, v1
from harness.wait import until

QUICK = {"backend-connect": "1s", "backend-reply": "1s", "backend-end-of-data": "1s"}


class Ledger:
    """What clients were told, message by message."""

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.replies = {}  # id: code, or None where no reply came

    def new(self):
        with self.lock:
            number = f"id-{next(self.numbers)}-{random.getrandbits(40):x}"
        return number

    def note(self, number, code):
        with self.lock:
            self.replies[number] = code

    def told_250(self):
        with self.lock:
            return {n for n, code in self.replies.items() if code == 250}


def identity(data):
    match = re.search(rb"X-Id: (\S+)\r\n", data)
    return match.group(1).decode() if match else None


def kept(backends):
    """The ids of all messages the backends took responsibility for (or may have)."""
    return {identity(t.data) for b in backends for t in list(b.transactions)
            if t.code in (250, None)}


def text_with(number, size=200):
    return message(b"x" * 70 + b"\r\n" * 1 + b"y" * max(0, size - 100) + b"\r\n",
                   headers=b"X-Id: " + number.encode() + b"\r\n")


def try_one(gate, ledger, size=200, faults=None, **more):
    """One message from a client that expects anything. Returns the last reply's code or None."""
    number = ledger.new()
    code = None
    try:
        with gate.client(**more) as smtp:
            for line, want in (("EHLO client.example.net", 250),
                               ("MAIL FROM:<a@example.net>", 250),
                               ("RCPT TO:<user@example.org>", 250), ("DATA", 354)):
                reply = smtp.cmd(line)
                if reply.code != want:
                    code = reply.code
                    check_fault(reply, faults)
                    return code
            smtp.send(stuffed(text_with(number, size)) + b".\r\n")
            reply = smtp.reply()
            code = reply.code
            ledger.note(number, code)
            if code != 250:
                check_fault(reply, faults)
    except (Closed, OSError, AssertionError) as fault:
        if isinstance(fault, AssertionError) and not isinstance(fault, Closed) \
                and faults is not None:
            faults.append(str(fault))
    return code


def check_fault(reply, faults):
    """A failure must be 4xx with an enhanced code."""
    good = 400 <= reply.code < 500 and reply.enhanced and reply.enhanced.startswith("4.")
    if not good:
        if faults is None:
            raise AssertionError(f"a failure must be 4xx with an enhanced code: {reply!r}")
        faults.append(f"{reply!r}")


STAGES = ["banner", "EHLO", "MAIL", "RCPT", "DATA", "body", "dot"]
ACTIONS = {"closes": Close(), "resets": Close(reset=True), "hangs": Hang(),
           "half a reply": Raw(b"25", close=True), "half a reply and hangs": None,
           "421": "421 4.3.2 leaving", "451": "451 4.3.0 trouble"}


@pytest.mark.parametrize("chunking", [True, False], ids=["bdat", "data"])
@pytest.mark.parametrize("action", ACTIONS)
def test_backend_faults_at_every_stage_are_4xx_and_lose_nothing(gatepost, make_backend, action,
                                                                chunking):
    keywords = ["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"] + ["CHUNKING"] * chunking
    backend = make_backend(keywords)
    gate = gatepost(backend, timeouts=QUICK, learn=True)
    ledger = Ledger()
    for stage in STAGES:
        def half_and_hang(session, _line):
            session.sock.sendall(b"250-half\r\n25")
            return Hang()
        if stage == "body" and (action in ("421", "451") or chunking):
            continue
        what = half_and_hang if action == "half a reply and hangs" else ACTIONS[action]
        backend.on = {stage: what}
        if chunking and stage == "DATA":
            backend.on["BDAT"] = what
        code = try_one(gate, ledger, size=200000)
        assert code is not None and 400 <= code < 500, (
            f"backend {action} at {stage}: the client heard {code}")
        backend.on = {}
        until(lambda: try_one(gate, ledger) == 250, f"mail flows again after {action} at {stage}",
              60, 0.05)
    assert ledger.told_250() <= kept([backend])
    assert not backend.faults


@pytest.mark.parametrize("stage", ["banner", "EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("kind", ["4", "5"])
def test_backend_refusals_at_every_stage_never_become_250(gatepost, make_backend, stage, kind):
    backend = make_backend(["8BITMIME", "ENHANCEDSTATUSCODES"])
    gate = gatepost(backend, learn=True)
    backend.on = {stage: f"{kind}50 {kind}.2.0 no"}
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<user@example.org>")
        if reply.code == 250:
            smtp.cmd("DATA", 354)
            smtp.send(message() + b".\r\n")
            reply = smtp.reply()
    # Refusals of mail are the backend's words; refusals to serve are faults between us.
    expected = 451 if stage in ("banner", "EHLO") else int(kind + "50")
    assert reply.code == expected, reply
    assert not backend.accepted()


def test_a_refused_connection_is_451_at_once(gatepost, ports):
    gate = gatepost(("127.0.0.1", ports.take()))
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        reply = smtp.cmd("RCPT TO:<user@example.org>", 451)
        assert reply.enhanced and reply.enhanced[0] == "4"


def test_a_backend_that_never_accepts_is_451_in_time(gatepost):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        fill = [socket.socket() for _ in range(3)]
        for sock in fill:
            sock.setblocking(False)
            sock.connect_ex(deaf.getsockname())
        gate = gatepost(deaf.getsockname(), timeouts=QUICK)
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.cmd("MAIL FROM:<a@example.net>", 250)
            smtp.cmd("RCPT TO:<user@example.org>", 451)
        for sock in fill:
            sock.close()


CUTS = [b"EHLO client.example.net\r\n", b"MAIL FROM:<a@example.net>\r\n",
        b"RCPT TO:<user@example.org>\r\n", b"DATA\r\n", b"Subject: x\r\n\r\n", b"body\r\n",
        b".\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_killed_at_every_octet_leaves_no_half_message(gate, backend, how):
    whole = b"".join(CUTS)
    end = whole.index(b"\r\n.\r\n") + 5
    for cut in range(0, len(whole) + 1, 3):
        before = len(backend.transactions)
        with gate.client() as smtp:
            # Verb by verb up to the cut, as a real client: replies are waited for.
            sent = 0
            for line in CUTS[:4]:
                piece = line[:max(0, cut - sent)]
                if piece:
                    smtp.send(piece)
                    if piece == line:
                        smtp.reply()
                sent += len(line)
            if cut > sent:
                smtp.send(whole[sent:cut])
            if cut >= end:
                smtp.expect(250)
            if how == "close":
                smtp.close()
            else:
                smtp.reset()
        got = backend.transactions[before:]
        assert len(got) == (1 if cut >= end else 0), f"cut at {cut}: {whole[:cut][-20:]!r}"
        for transaction in got:
            assert transaction.message == b"Subject: x\r\n\r\nbody\r\n"
    until(lambda: all(s.closed.is_set() for s in backend.mail_sessions()),
          "every backend connection is closed")
    assert not backend.faults


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_gone_while_the_backend_delays_its_354_leaves_nothing(gatepost, make_backend, tls,
                                                                       how):
    go_on = threading.Event()
    backend = make_backend(on={"DATA": lambda _session, _line: go_on.wait(20) and None})
    gate = gatepost(backend, tls=tls, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        if tls:
            smtp.starttls()
            smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message() + b".\r\n")
        session = backend.wait_verb("DATA")
        smtp.reset() if how == "reset" else smtp.close()
    go_on.set()
    until(session.closed.is_set, "the backend's connection closes")
    assert not backend.transactions and not session.clean
    gate.wait_log(r" disconnect .*messages=0\b")


def test_a_client_that_says_quit_behind_its_message_and_half_closes_is_still_there(gatepost,
                                                                                   make_backend):
    go_on = threading.Event()
    backend = make_backend(on={"DATA": lambda _session, _line: go_on.wait(20) and None})
    gate = gatepost(backend, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message() + b".\r\nQUIT\r\n")
        smtp.sock.shutdown(socket.SHUT_WR)
        backend.wait_verb("DATA")
        go_on.set()
        smtp.expect(250)
        smtp.expect(221)
        smtp.eof()
    assert len(backend.accepted()) == 1


def test_a_client_killed_inside_a_bdat_chunk_leaves_nothing(gate, backend):
    for sent in (b"BDAT 10 LAST\r\n12345", b"BDAT 5\r\n12345", b"BDAT 5\r\n12345BDAT 0"):
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.send(sent)
            smtp.reset()
    until(lambda: all(s.closed.is_set() for s in backend.mail_sessions()),
          "every backend connection is closed")
    assert not backend.transactions


def flood(gate_of, ledger, count, threads, faults, stop=None, size=200):
    """`count` messages by `threads` clients at a time."""
    left = iter(range(count))
    lock = threading.Lock()

    def work():
        while stop is None or not stop.is_set():
            with lock:
                if next(left, None) is None:
                    return
            try_one(gate_of(), ledger, size=size, faults=faults)
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    return workers


def test_two_thousand_messages_through_a_backend_that_fails_at_random(gatepost, make_backend):
    chaos = random.Random(7)
    lock = threading.Lock()

    def maybe(*actions, chance=0.04):
        def act(_session, _line):
            with lock:
                return chaos.choice(actions) if chaos.random() < chance else None
        return act
    backends = [make_backend(on={
        # An address that does not serve rests for a while: rarely, or nothing else would happen.
        "banner": maybe(Close(), "421 4.3.2 busy", chance=0.003),
        "EHLO": maybe(Close(reset=True), chance=0.003),
        "MAIL": maybe(Close(), "451 4.3.0 later", "421 4.3.2 bye"),
        "RCPT": maybe(Close(reset=True), "450 4.2.1 later", Raw(b"junk\r\n")),
        "BDAT": maybe(Close(), "451 4.3.0 disk"), "DATA": maybe(Close(), "451 4.3.0 disk"),
        "dot": maybe(Close(), Close(reset=True), "451 4.3.0 disk", "452 4.3.1 full",
                     Raw(b"25", close=True))}) for _ in range(3)]
    gate = gatepost({"address": backends, "balance": "round-robin", "reuse": True},
                    timeouts=QUICK)
    ledger, faults = Ledger(), []
    for worker in flood(lambda: gate, ledger, 2000, 16, faults):
        worker.join(120 * SLOW)
        assert not worker.is_alive(), "a client hangs"
    told = ledger.told_250()
    missing = told - kept(backends)
    assert not missing, f"{len(missing)} clients hold a 250 whose message no backend has"
    assert not faults, (len(faults), faults[:10])
    print(f"told 250: {len(told)}, other replies to the message: {len(ledger.replies) - len(told)}")
    assert len(told) > 500, f"only {len(told)} of 2000 got through"
    # The last backend notes its 250 a moment after it has said it.
    until(lambda: told <= {identity(t.data) for b in backends for t in b.accepted()},
          "for each 250 that a client holds a backend has said 250")


def test_sigkill_under_load_loses_no_message(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost({"address": backend, "reuse": True})
    ledger, stop = Ledger(), threading.Event()
    workers = flood(lambda: gate, ledger, 100000, 8, None, stop, size=20000)
    try:
        for _ in range(5):
            count = len(ledger.told_250())
            until(lambda n=count: len(ledger.told_250()) >= n + 30, "load", 30)
            gate.kill()
            gate.start()
    finally:
        stop.set()
        for worker in workers:
            worker.join(60)
    gate.expect_exit = 0
    missing = ledger.told_250() - kept([backend])
    assert not missing, f"{len(missing)} messages lost"
    assert not list((gate.state).rglob("*.eml")), "spool files with a name"


def test_backend_restarts_under_load_lose_no_message(gatepost, make_backend):
    backend = make_backend()
    gate = gatepost({"address": backend, "reuse": True}, timeouts=QUICK)
    ledger, stop, faults = Ledger(), threading.Event(), []
    workers = flood(lambda: gate, ledger, 100000, 8, faults, stop, size=5000)
    try:
        for _ in range(5):
            count = len(ledger.told_250())
            until(lambda n=count: len(ledger.told_250()) >= n + 30, "load", 60)
            backend.kill()
            backend.listen()
    finally:
        stop.set()
        for worker in workers:
            worker.join(60)
    missing = ledger.told_250() - kept([backend])
    assert not missing, f"{len(missing)} messages lost"
    assert not faults, faults[:10]


# Resources

SMALL = {"memory-message": "4K", "memory": "1M", "message-size": "256K", "spool": "256K"}


def taken(sock):
    """Has the other side, on this machine, read all that was sent to it?"""
    ours, theirs = sock.getsockname()[1], sock.getpeername()[1]
    queues = {}
    for row in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        field = row.split()
        ports = tuple(int(address.rsplit(":", 1)[1], 16) for address in field[1:3])
        queues[ports] = tuple(int(octets, 16) for octets in field[4].split(":"))
    return queues[ours, theirs][0] == 0 and queues[theirs, ours][1] == 0


def test_a_full_spool_budget_is_452_4_3_1(gatepost, backend):
    gate = gatepost(backend, limits=SMALL, learn=True)
    with gate.client() as holder, gate.client() as smtp:
        holder.ehlo()
        holder.envelope()
        holder.cmd("DATA", 354)
        holder.send(b"z" * 200000)
        until(lambda: taken(holder.sock), "the first message is in the spool")
        smtp.ehlo()

        def full():
            smtp.envelope()
            smtp.cmd("DATA", 354)
            smtp.send(message(b"y" * 200000 + b"\r\n") + b".\r\n")
            reply = smtp.reply()
            return reply if reply.code != 250 else None
        reply = until(full, "the spool is full")
        assert reply.code == 452 and reply.enhanced == "4.3.1", reply
        count = len(backend.transactions)
        smtp.envelope()
        smtp.data(message())  # what fits into memory flows on
        holder.send(b"\r\n.\r\n")
        holder.expect(250)
    assert len(backend.transactions) == count + 2


def test_the_spools_budget_is_given_back(gatepost, backend):
    gate = gatepost(backend, limits=SMALL, learn=True)

    def fits():
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.cmd("DATA", 354)
            smtp.send(message(b"y" * 200000 + b"\r\n") + b".\r\n")
            return smtp.expect((250, 452)).code == 250
    for _ in range(5):
        # The room of a message whose client left is free once the session has seen it.
        until(fits, "room in the spool")
        with gate.client() as smtp:
            smtp.ehlo()
            smtp.envelope()
            smtp.cmd("DATA", 354)
            smtp.send(b"z" * 150000)
            smtp.reset()
    until(fits, "room in the spool")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_under_the_spool_is_452_and_small_mail_flows_on(gatepost, backend, folder,
                                                                    stack):
    small = folder / "small"
    small.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=777", "tmpfs", str(small)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"mount: {done.stderr.strip()}")
    stack.callback(subprocess.run, ["umount", "-l", str(small)], check=False)
    gate = gatepost(backend, state_dir=str(small), limits={"memory-message": "4K"}, learn=True)
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message(b"y" * 1000000 + b"\r\n"), 452, "4.3.1")
        smtp.envelope()
        smtp.data(message())
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message(b"y" * 100000 + b"\r\n"))
    assert len(backend.transactions) == 2


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        field = stat.read().rsplit(")", 1)[1].split()
    return int(field[11]) + int(field[12])


def test_without_descriptors_accept_pauses_never_spins_and_recovers(gatepost, backend):
    gate = gatepost(backend, start=False)
    gate.wrap = ["prlimit", "--nofile=64:64"]
    gate.start()
    clients = []
    for _ in range(100):
        sock = socket.create_connection(gate.address)
        sock.settimeout(0.3)
        clients.append(sock)
    answered = 0
    for sock in clients:
        try:
            answered += sock.recv(100).startswith(b"220")
        except (TimeoutError, OSError):
            break
    before = cpu_ticks(gate.process.pid)
    gone = threading.Event()
    gone.wait(1.5)  # measured time, no waiting for anything
    used = cpu_ticks(gate.process.pid) - before
    assert used < 0.3 * os.sysconf("SC_CLK_TCK"), f"spins: {used} ticks in 1.5 s"
    assert gate.process.alive()
    for sock in clients:
        sock.close()
    ledger = Ledger()
    until(lambda: try_one(gate, ledger) == 250, "mail flows again", 20, 0.1)
    assert ledger.told_250() <= kept([backend])
    assert 10 < answered < 64


def test_every_client_let_in_has_a_descriptor_for_its_backend_and_the_rest_hear_421(
        gatepost, backend):
    gate = gatepost(backend, start=False)
    gate.wrap = ["prlimit", "--nofile=64:64"]
    gate.start()
    inside, outside = [], []
    try:
        for _ in range(40):
            smtp = gate.client(banner=False)
            reply = smtp.reply()
            (inside if reply.code == 220 else outside).append(smtp)
            assert reply.code == 220 or (reply.code, reply.enhanced) == (421, "4.3.2"), reply
        assert 10 < len(inside) < 32 and outside
        for smtp in inside:  # all hold their backend's connection at the same time
            smtp.ehlo()
            smtp.envelope()
    finally:
        for smtp in inside + outside:
            smtp.close()
    until(lambda: try_one(gate, Ledger()) == 250, "mail flows again", 60, 0.1)


def test_a_tarpit_that_has_taken_all_descriptors_gives_some_back(guard):
    """Many workers need more for themselves than is kept for them."""
    gate = guard(lists={"tarpit": ["203.0.113.0/24"]}, workers=16, start=False, probed=False)
    gate.wrap = ["prlimit", "--nofile=128:128"]
    gate.start()
    held = []
    while not gate.entries("accept-pause") and len(held) < 120:
        for _ in range(3):  # few at a time: each is a session first, and those take part of the room
            held.append(socket.create_connection(gate.address))
            held[-1].sendall(v1("203.0.113.7", 1000 + len(held)))
        until(lambda: len(gate.entries("tarpit")) == len(held) or gate.entries("accept-pause"),
              "the tarpit takes them")
    assert gate.entries("accept-pause"), f"{len(held)} were taken"
    began = time.monotonic()
    for _ in range(5):
        Visit(gate, CLEAN[4]).accepted()
    assert time.monotonic() - began < 5 * SLOW
    for sock in held:
        sock.close()


def test_garbage_from_clients_does_no_harm(gate, backend):
    dice = random.Random(25)
    words = [b"EHLO x\r\n", b"MAIL FROM:<a@example.net>\r\n", b"RCPT TO:<u@example.org>\r\n",
             b"DATA\r\n", b".\r\n", b"BDAT 5\r\n", b"BDAT 3 LAST\r\n", b"RSET\r\n", b"\0\r\n",
             b"\n", b"\r", b"AUTH PLAIN\r\n", b"*\r\n", b"STARTTLS\r\n", b"x" * 3000, b"QUIT\r\n",
             bytes(range(256))]
    for _ in range(200):
        with gate.client() as smtp:
            try:
                for _ in range(dice.randint(1, 15)):
                    smtp.send(dice.choice(words))
                if dice.random() < 0.5:
                    smtp.sock.shutdown(socket.SHUT_WR)
                    while smtp.more():
                        pass
            except OSError:
                pass
    assert not backend.faults
    assert try_one(gate, Ledger()) == 250
