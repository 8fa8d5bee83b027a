# SPDX-License-Identifier: ISC
"""A Postfix instance of its own: config, queue and log in one folder, alternate ports.

Mail for example.org goes by LMTP to a scripted sink in this process, so that a test sees the exact
octets Postfix delivers. Needs root and the package's users."""

import os
import re
import shutil
import signal
import subprocess

from .backend import ScriptedBackend
from .dovecot import Dovecot
from .wait import until

DAEMONS = "/usr/lib/postfix/sbin"
MASTER = """\
{smtpd} inet n - n - - smtpd{smtpd_options}
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why it cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(DAEMONS + "/master"):
        return "postfix is not installed"
    return None


class Postfix:
    """`settings`: lines of main.cf by name. `smtpd`: -o options of the smtpd alone."""

    def __init__(self, folder, ports, settings=None, smtpd=None, sasl=None):
        self.folder = folder / "postfix"
        self.config, self.queue, self.data = (self.folder / n for n in ("etc", "queue", "data"))
        for path in (self.config, self.queue, self.data):
            path.mkdir(parents=True)
        for path in (folder, *folder.parents):  # its users must get through to the queue
            if path.stat().st_mode & 0o001 == 0 and str(path).startswith("/tmp/"):
                path.chmod(path.stat().st_mode | 0o055)
        self.port = ports.take()
        self.address = ("127.0.0.1", self.port)
        self.sink = ScriptedBackend(lmtp=True, greeting="sink")
        self.log_file = self.folder / "maillog"
        shutil.chown(self.data, "postfix")
        main = {
            "compatibility_level": "3.6",
            "queue_directory": self.queue, "data_directory": self.data,
            "daemon_directory": DAEMONS, "command_directory": "/usr/sbin",
            "mail_owner": "postfix", "setgid_group": "postdrop",
            "maillog_file": self.log_file, "maillog_file_prefixes": folder,
            "myhostname": "backend.example.org", "mydestination": "", "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
            "alias_maps": "", "alias_database": "", "local_recipient_maps": "",
            "relay_domains": "example.org", "relay_recipient_maps": "",
            "transport_maps": "static:lmtp:inet:127.0.0.1:%d" % self.sink.address[1],
            "local_header_rewrite_clients": "", "smtp_line_length_limit": "0",
            "lmtp_line_length_limit": "0", "lmtp_send_xforward_command": "no",
            "smtpd_relay_restrictions":
                "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_peername_lookup": "no", "message_size_limit": "104857600",
            "mailbox_size_limit": "0", "default_process_limit": "40",
            "smtpd_client_connection_count_limit": "0", "smtpd_timeout": "30s",
            "header_size_limit": "1024000",
        }
        self.dovecot = None
        if sasl:
            main.update(self._sasl(sasl))
        main.update(settings or {})
        (self.config / "main.cf").write_text(
            "".join(f"{k} = {v}\n" for k, v in main.items()), encoding="ascii")
        (self.config / "master.cf").write_text(MASTER.format(
            smtpd=f"127.0.0.1:{self.port}",
            smtpd_options="".join(f"\n  -o {k}={v}" for k, v in (smtpd or {}).items())),
            encoding="ascii")
        self._start()

    def _sasl(self, users):
        """Users by Dovecot's SASL."""
        self.dovecot = Dovecot(self.folder, users)
        return {"smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "dovecot",
                "smtpd_sasl_path": self.dovecot.socket,
                "smtpd_sasl_security_options": "noanonymous"}

    def _start(self):
        done = subprocess.run(["postfix", "-c", str(self.config), "start"], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr + self.log()
        self.master = int((self.queue / "pid" / "master.pid").read_text().strip())

    def log(self):
        return (self.log_file.read_text(encoding="utf-8", errors="replace")
                if self.log_file.exists() else "")

    def wait_log(self, text, timeout=15):
        until(lambda: text in self.log(), lambda: f"{text!r} in Postfix' log:\n{self.log()}",
              timeout)

    def sendmail(self, data, *words):
        """Hands `data` to this instance's sendmail command."""
        done = subprocess.run(["sendmail", "-C", str(self.config), "-i", *words], input=data,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr

    def messages(self, count, timeout=20):
        """Waits until `count` messages were delivered; returns them as the sink's transactions."""
        return self.sink.wait_transactions(count, timeout)

    def stop(self):
        """Ends the master, which ends all its processes."""
        try:
            os.kill(self.master, signal.SIGTERM)
            until(lambda: not os.path.exists(f"/proc/{self.master}"), "end of Postfix", 15)
        except ProcessLookupError:
            pass
        self.sink.stop()
        if self.dovecot:
            self.dovecot.stop()


def below_received(data):
    """The message without the fields in front that tell its way and what was found of it."""
    while True:
        match = re.match(rb"(Received|Authentication-Results|Return-Path|Delivered-To|"
                         rb"X-Original-To):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", data)
        if not match:
            return data
        data = data[match.end():]
