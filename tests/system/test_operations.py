# SPDX-License-Identifier: ISC
"""Running it: checking a config, exit codes, dropping rights, reload, drain, systemd."""

import fcntl
import json
import os
import pwd
import re
import resource
import signal
import socket
import subprocess
import sys

import pytest

from harness import SLOW
from harness.backend import Hang
from harness.client import message
from harness.haproxy import listening
from harness.process import Process
from harness.wait import until


def check(gate, *more):
    return subprocess.run(gate.command("-t", "-c", str(gate.config_file), *more),
                          capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def cold(gatepost, backend):
    """A Gatepost that is not started."""
    return lambda **more: gatepost(more.pop("backend", backend), start=False, **more)


def test_t_finds_a_good_config_good_and_does_not_bind(cold):
    gate = cold(tls=True)
    with socket.create_server(("127.0.0.1", gate.port)):
        done = check(gate)
    assert done.returncode == 0, done.stderr


def test_t_names_every_fault_of_meaning_with_file_line_and_cure(cold):
    gate = cold()
    gate.write('hostname = "mx.example.org"\n'            # 1
               f'state-dir = "{gate.state}"\n'            # 2
               'listen "mx" { address = {"127.0.0.1"} }\n'  # 3: no port
               'backend "main" { address = {"127.0.0.1:10025"} client-address = none }\n'
               'relay { domains = {"example.org"} networks = {"127.0.0.1/33"} }\n'  # 5
               'limits { recipients = 5 }\n'              # 6: too few
               'tls { certificate = "missing.pem" key = "missing.key" }\n')  # 7
    done = check(gate)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    text = done.stderr + done.stdout
    for line in (3, 5, 6, 7):
        assert re.search(rf"gatepost\.conf:{line}: .*[,;:(].", text), (line, text)
    assert "missing.pem" in text


@pytest.mark.parametrize("text, word", [
    ("nonsense = 1\n", "nonsense"), ("hostname = \n", ""), ("listen { address = 5\n", ""),
    ('hostname = "mx.example.org"\nlimits { recipients = "many" }\n', "recipients")])
def test_t_names_the_first_fault_of_grammar(cold, text, word):
    gate = cold()
    gate.write(text)
    done = check(gate)
    assert done.returncode == 1
    assert re.search(r"gatepost\.conf:\d+: ", done.stderr + done.stdout), done
    assert word in done.stderr + done.stdout


def test_t_warns_that_none_with_a_loopback_backend_turns_its_relay_check_off(cold):
    done = check(cold())
    assert done.returncode == 0
    assert re.search(r"client-address|relay check|trust", done.stderr + done.stdout), done


def test_the_smallest_config_of_the_manual_is_good(cold, authority, folder):
    gate = cold()
    pair = authority.pair("mx.example.org")
    for source, name in zip(pair, ("mx.pem", "mx.key")):
        (folder / name).write_bytes(source.read_bytes())
    gate.write(f'''hostname = "mx.example.org"
state-dir = "{gate.state}"
listen "mx" {{ address = {{"0.0.0.0:{gate.port}", "[::]:{gate.port}"}} }}
backend "main" {{ address = {{"127.0.0.1:10025"}} client-address = none }}
relay {{ domains = {{"example.org"}} networks = {{"127.0.0.1/32"}} }}
tls {{ certificate = "mx.pem" key = "mx.key" }}
''')
    done = check(gate)
    assert done.returncode == 0, done.stderr
    gate.start()
    with gate.client() as smtp:
        assert "STARTTLS" in smtp.ehlo()


@pytest.mark.parametrize("words", [["-x"], ["-c"], ["extra"], ["-t", "-Z"]])
def test_wrong_usage_is_exit_2(cold, words):
    done = subprocess.run(cold().command(*words), capture_output=True, text=True, check=False,
                          timeout=20)
    assert done.returncode == 2, done
    assert done.stderr


def test_v_prints_the_version(cold):
    done = subprocess.run(cold().command("-V"), capture_output=True, text=True, check=False,
                          timeout=20)
    assert done.returncode == 0 and re.search(r"gatepostd? .*\d", done.stdout), done


def start_fails(gate, word):
    done = subprocess.run(gate.command("-c", str(gate.config_file)), capture_output=True,
                          text=True, check=False, timeout=20)
    assert done.returncode == 1, done
    assert re.search(word, done.stderr), done.stderr
    assert " started " not in done.stderr
    return done


def test_a_port_in_use_is_a_clear_message_and_exit_1(cold):
    gate = cold()
    with socket.create_server(("127.0.0.1", gate.port)):
        start_fails(gate, rf"127\.0\.0\.1:{gate.port}")


def test_a_missing_config_is_exit_1(cold):
    gate = cold()
    gate.config_file.unlink()
    start_fails(gate, "gatepost.conf")


@pytest.mark.parametrize("fault", ["missing certificate", "unreadable key", "key of another",
                                   "no PEM"])
def test_a_bad_certificate_is_a_clear_message_and_exit_1(cold, authority, folder, fault):
    one, two = authority.pair("mx.example.org"), authority.pair("mx.example.org")
    certificate, key = folder / "mx.pem", folder / "mx.key"
    if fault != "missing certificate":
        certificate.write_bytes(b"garbage" if fault == "no PEM" else one[0].read_bytes())
    if fault != "unreadable key":
        key.write_bytes((two if fault == "key of another" else one)[1].read_bytes())
    start_fails(cold(tls=[(certificate, key)]), r"mx\.(pem|key)")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs_root
def test_as_root_it_drops_to_user_and_keeps_no_capability(gatepost, backend):
    gate = gatepost(backend, user="nobody")
    status = open(f"/proc/{gate.process.pid}/status", encoding="ascii").read()
    uid = pwd.getpwnam("nobody").pw_uid
    assert re.search(rf"^Uid:\t{uid}\t{uid}\t{uid}\t{uid}$", status, re.M), status
    assert re.search(r"^Groups:\s*(65534)?\s*$", status, re.M), status
    for row in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert re.search(rf"^{row}:\t0+$", status, re.M), status
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message(b"x" * 998 + b"\r\n") * 300)
    gate.reload()


@needs_root
def test_an_unknown_user_is_an_error(cold):
    start_fails(cold(user="no-such-user-here"), "no-such-user-here")


@needs_root
def test_a_key_the_user_cannot_read_again_is_named_with_its_cure(cold, authority, folder):
    pair = authority.pair("mx.example.org")
    key = folder / "private.key"
    key.write_bytes(pair[1].read_bytes())
    key.chmod(0o600)
    gate = cold(tls=[(pair[0], key)], user="nobody")
    done = check(gate)
    text = done.stdout + done.stderr
    assert "private.key" in text and re.search(r"group|ACL|restart", text), text


@needs_root
def test_not_root_user_is_ignored(cold, folder):
    gate = cold(user="nobody")
    folder.chmod(0o777)
    gate.wrap = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    gate.start()
    with gate.client() as smtp:
        smtp.ehlo()


def test_sighup_takes_a_new_config_and_running_sessions_keep_theirs(gatepost, make_backend):
    one, two = make_backend(greeting="one"), make_backend(greeting="two")
    gate = gatepost(one)
    with gate.client() as old:
        old.ehlo()
        gate.config["backend", "main"] = {"address": ["%s:%d" % two.address]}
        gate.config["relay"] = {"domains": ["new.example"]}
        gate.write()
        gate.reload()

        def new():
            with gate.client() as smtp:
                smtp.ehlo()
                smtp.cmd("MAIL FROM:<a@example.net>", 250)
                return smtp.cmd("RCPT TO:<user@new.example>").code == 250
        until(new, "the new config holds")
        old.envelope()
        old.data(message())
    assert len(one.transactions) == 1


def test_a_bad_reload_keeps_the_old_config_and_says_why(gatepost, backend, ports):
    gate = gatepost(backend)
    good = dict(gate.config)
    gate.write("nonsense = yes\n")
    entry = gate.reload(r"^\S+ (error|warning) .*nonsense")
    assert "gatepost.conf:1" in entry.line
    gate.config["relay"] = {"domains": ["new.example"]}
    gate.config["listen", "mx"] = {"address": ["192.0.2.123:%d" % ports.take()]}  # not ours
    gate.write()
    gate.reload(r"^\S+ (error|warning) .*192\.0\.2\.123")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd("MAIL FROM:<a@example.net>", 250)
        smtp.cmd("RCPT TO:<user@new.example>", 550)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
    gate.config = good


def test_a_reload_binds_new_ports_and_leaves_old_ones(gatepost, backend, ports):
    gate = gatepost(backend)
    old, new = gate.port, ports.take()
    gate.config["listen", "mx"] = {"address": [f"127.0.0.1:{new}"]}
    gate.write()
    gate.reload()
    until(lambda: listening(new), "the new port")
    until(lambda: not listening(old), "the old port is left")
    gate.addresses["mx"] = ("127.0.0.1", new)
    with gate.client() as smtp:
        smtp.ehlo()


def test_reloads_under_load_lose_nothing(gatepost, backend):
    gate = gatepost(backend, tls=True)
    load = Process(["smtp-source", "-s", "5", "-m", "150", "-f", "a@example.net", "-t",
                    "user@example.org", f"inet:127.0.0.1:{gate.port}"], gate.folder / "load")
    for _ in range(5):
        offset = gate.mark()
        gate.signal(signal.SIGHUP)
        gate.wait_log(" reload ", offset)
    assert load.popen.wait(60) == 0, load.output()
    assert len(backend.accepted()) == 150


def test_sigterm_says_421_4_3_2_to_idle_sessions_and_lets_transactions_end(gatepost, backend):
    gate = gatepost(backend)
    idle, busy, sending = gate.client(), gate.client(), gate.client()
    idle.ehlo()
    busy.ehlo()
    busy.envelope()
    sending.ehlo()
    sending.envelope()
    sending.cmd("DATA", 354)
    gate.signal(signal.SIGTERM)
    idle.expect(421, "4.3.2")
    idle.eof()
    until(lambda: not listening(gate.port), "it stops accepting")
    sending.send(message() + b".\r\n")
    sending.expect(250)
    sending.expect(421, "4.3.2")
    sending.eof()
    busy.data(message())
    busy.expect(421, "4.3.2")
    busy.eof()
    assert gate.process.popen.wait(15) == 0
    assert len(backend.accepted()) == 2


def greeted(gate):
    try:
        with gate.client():
            return True
    except OSError:
        return False


def test_told_to_stop_as_soon_as_it_serves_it_stops_in_order(gatepost, backend):
    gate = gatepost(backend, start=False)
    for _ in range(10):
        gate.start(ready=False)
        until(lambda: greeted(gate), "it greets", interval=0.001)
        gate.signal(signal.SIGTERM)
        assert gate.process.popen.wait(15 * SLOW) == 0


def test_drain_has_an_end(gatepost, make_backend):
    backend = make_backend(on={"dot": Hang()})
    gate = gatepost(backend, timeouts={"drain": "1s"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(message() + b".\r\n")
        until(lambda: backend.transactions, "the backend has the message")
        gate.signal(signal.SIGTERM)
        assert gate.process.popen.wait(15) == 0
        while smtp.more():
            pass
        assert b"250" not in smtp.buffer


def test_at_the_end_of_the_drain_a_session_in_data_hears_421_4_3_2(gatepost, backend):
    gate = gatepost(backend, timeouts={"drain": "100ms"})
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        smtp.cmd("DATA", 354)
        smtp.send(b"Subject: half\r\n\r\nhalf")
        gate.signal(signal.SIGTERM)
        smtp.expect(421, "4.3.2")
        smtp.eof()
    assert gate.process.popen.wait(15) == 0
    assert not backend.transactions


def test_while_it_drains_nothing_makes_it_accept_again(gatepost, backend, authority, folder):
    pair = (folder / "mx.pem", folder / "mx.key")
    for mine, first in zip(pair, authority.mx()):
        mine.write_bytes(first.read_bytes())
    gate = gatepost(backend, tls=[pair], timeouts={"drain": "3s"})  # longer than files are unseen
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.envelope()
        gate.signal(signal.SIGTERM)
        until(lambda: not listening(gate.port), "it stops accepting")
        for mine, fresh in zip(pair, authority.pair("mx.example.org")):
            mine.write_bytes(fresh.read_bytes())
        gate.signal(signal.SIGHUP)
        until(lambda: listening(gate.port) or not gate.process.alive(), "it ends in time", 10)
        assert not listening(gate.port), "it accepts again"
        smtp.expect(421, "4.3.2")
        smtp.eof()
    assert gate.process.popen.wait(15) == 0
    assert not gate.entries("reload") and not gate.entries("certificate")


def test_sigint_ends_it_too(gatepost, backend):
    gate = gatepost(backend)
    gate.signal(signal.SIGINT)
    assert gate.process.popen.wait(15) == 0


def test_log_format_json_is_one_object_a_line(gatepost, backend):
    gate = gatepost(backend, log={"format": "json"}, start=False)
    gate.start(ready=False)
    gate.process.wait_for(lambda: "started" in gate.process.output(), "it started")
    with gate.client() as smtp:
        smtp.ehlo()
        smtp.cmd('MAIL FROM:<"a\\"b"@example.net>', 250)
        smtp.cmd("RCPT TO:<user@example.org>", 250)
        smtp.data(message())
        smtp.quit()

    def objects():
        return [json.loads(line) for line in gate.lines()
                if not line.startswith(f"{gate.config_file}:")]

    def events():
        return [o["event"] for o in objects()]
    until(lambda: "disconnect" in events(), "the close line")
    assert {"started", "connect", "transaction", "disconnect"} <= set(events())
    assert all({"time", "level", "session", "event"} <= set(o) for o in objects())


def test_the_descriptor_limit_is_raised_to_the_hard_limit(gatepost, backend):
    gate = gatepost(backend, start=False)
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    gate.wrap = ["prlimit", f"--nofile=256:{hard}"]
    gate.start()
    limits = open(f"/proc/{gate.process.pid}/limits", encoding="ascii").read()
    assert re.search(rf"Max open files\s+{hard}\s+{hard}", limits), limits


# systemd, without systemd

class Notify:
    """The socket systemd would listen on."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(15)
        self.seen = []

    def wait(self, word):
        while not any(word in text.split("\n") or word in text for text in self.seen):
            self.seen.append(self.sock.recv(4096).decode())
        return self.seen

    def stop(self):
        self.sock.close()


def test_notify_ready_reloading_watchdog_and_stopping(gatepost, backend, folder, stack):
    notify = Notify(folder)
    stack.callback(notify.stop)
    gate = gatepost(backend, start=False)
    gate.start(env={**os.environ, "NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "500000"})
    notify.wait("READY=1")
    notify.wait("WATCHDOG=1")
    notify.seen.clear()
    gate.signal(signal.SIGHUP)
    notify.wait("RELOADING=1")
    notify.seen = [t for t in notify.seen if "RELOADING=1" in t]
    if "READY=1" not in notify.seen[-1].split("\n"):
        notify.seen.clear()
        notify.wait("READY=1")
    gate.signal(signal.SIGTERM)
    notify.wait("STOPPING=1")
    assert gate.process.popen.wait(15) == 0


LAUNCHER = """
import fcntl, os, sys
given = int(sys.argv[1])
high = fcntl.fcntl(given, fcntl.F_DUPFD, 50)
os.close(given)
os.dup2(high, 3, inheritable=True)
os.close(high)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def start_with(gate, listener, name):
    """Starts it with the socket `listener`, called `name`, as systemd does."""
    launcher = gate.folder / "launch.py"
    launcher.write_text(LAUNCHER, encoding="ascii")
    gate.wrap = [sys.executable, str(launcher), str(listener.fileno()), name]
    gate.start(pass_fds=(listener.fileno(),))


def test_sockets_from_systemd_are_served(gatepost, backend):
    gate = gatepost(backend, start=False)
    with socket.create_server(("127.0.0.1", gate.port)) as listener:
        start_with(gate, listener, "mx")
        # systemd's sockets block, and two workers accept from each: one would wait for ever.
        assert fcntl.fcntl(listener, fcntl.F_GETFL) & os.O_NONBLOCK
    clients = [gate.client(timeout=5) for _ in range(10)]
    for smtp in clients:
        smtp.ehlo()
        smtp.envelope()
        smtp.data(message())
        smtp.quit()
    assert len(backend.transactions) == 10


def test_a_socket_from_systemd_that_no_block_names_is_closed_with_a_warning(gatepost, backend,
                                                                           ports):
    gate = gatepost(backend, start=False)
    port = ports.take()
    with socket.create_server(("127.0.0.1", port)) as listener:
        start_with(gate, listener, "old")
    assert not listening(port), "it takes connections that nobody serves"
    entry = gate.wait_log(rf" config-warning .*127\.0\.0\.1:{port} \(old\)")
    assert entry.level == "warning"
    with gate.client() as smtp:
        smtp.ehlo()


def test_systemd_socket_activate_starts_it_with_its_socket(gatepost, backend):
    gate = gatepost(backend, start=False)
    gate.wrap = ["systemd-socket-activate", "-l", f"127.0.0.1:{gate.port}", "--fdname=mx"]
    gate.check_log = lambda: None  # systemd-socket-activate says its own lines on stderr
    gate.start(ready=False)
    gate.process.wait_for(lambda: listening(gate.port), "the socket")
    with gate.client(timeout=30) as smtp:
        smtp.ehlo()
        gate.process.wait_for(lambda: " started " in gate.process.output(), "it started")
