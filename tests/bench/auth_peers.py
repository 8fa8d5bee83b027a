# SPDX-License-Identifier: ISC
"""Others that check SPF, DKIM and DMARC: Postfix with opendkim, opendmarc and policyd-spf, and Postfix
with rspamd, which has only those modules here.

Postfix is a mail server with a queue, as in front of which these programs stand: what it has taken it
hands to the sink, and a run is over when its queue is empty. Those that know only the system's
resolver see a resolv.conf of their own in a mount namespace of their own.
"""

import os
import pwd
import socket
import time
from pathlib import Path

import servers

BENCH_PEERS = Path(__file__).resolve().parent.parent.parent / "build/bench-peers/root"
HOST, HOSTNAME = servers.HOST, "mx.example.org"
QUEUES = ("incoming", "active", "deferred", "maildrop")
DRAIN_TIMEOUT = 60.0


def find(program):
    """A program of the system, or one that was unpacked."""
    places = [Path("/usr/sbin") / program, Path("/usr/bin") / program,
              BENCH_PEERS / "usr/sbin" / program]
    for place in places:
        if os.access(place, os.X_OK):
            return str(place)
    raise servers.ServerError(f"no {program}: tests/install bench")


def with_resolver(argv, directory, unbound):
    """The command in a mount namespace where /etc/resolv.conf names only the benchmark's server."""
    if unbound.port != 53:
        raise servers.ServerError("the system's resolver asks port 53 only, and that is not to be had")
    file = Path(directory) / "resolv.conf"
    file.write_text(f"nameserver {unbound.host}\noptions timeout:2\n")
    script = f'mount --bind {file} /etc/resolv.conf && exec "$@"'
    return ["unshare", "-m", "sh", "-c", script, "sh", *argv]


class Helper(servers.Server):
    """A program beside Postfix: it is there once its port takes connections."""

    def __init__(self, base, unbound):
        super().__init__(base)
        self.unbound = unbound

    def _greets(self):
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0


class Opendkim(Helper):
    """It verifies, and says what it found in Authentication-Results."""

    name = "opendkim"

    def command(self):
        config = self.dir / "opendkim.conf"
        config.write_text(f"""\
Mode v
Socket inet:{self.port}@{HOST}
Nameservers {self.unbound.host}
AuthservID {HOSTNAME}
AlwaysAddARHeader yes
On-BadSignature accept
Syslog no
""")
        return [find("opendkim"), "-f", "-x", str(config)]


class Opendmarc(Helper):
    """It reads what the two others found, and refuses as the author's domain wants."""

    name = "opendmarc"

    def command(self):
        config = self.dir / "opendmarc.conf"
        (self.dir / "ignore").write_text("192.0.2.1\n")
        config.write_text(f"""\
Socket inet:{self.port}@{HOST}
AuthservID {HOSTNAME}
TrustedAuthservIDs {HOSTNAME}
IgnoreHosts {self.dir}/ignore
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
RejectFailures true
Syslog false
""")
        return with_resolver([find("opendmarc"), "-f", "-c", str(config)], self.dir, self.unbound)


RSPAMD = """\
options {{
    filters = "dkim,spf";
    pidfile = "{dir}/pid";
    local_addrs = "192.0.2.1";
    dns {{ nameserver = ["{dns}:{dns_port}:1"]; timeout = 2s; }}
    cache_file = "{dir}/symbols.cache";
    map_watch_interval = 1h;
    tempdir = "{dir}";
}}
logging {{ type = "console"; level = "notice"; }}
dkim {{ dkim_cache_size = 2k; dkim_cache_expire = 1d; check_local = true; }}
spf {{ spf_cache_size = 2k; spf_cache_expire = 1d; check_local = true; }}
dmarc {{ actions {{ reject = "reject"; }} }}
modules {{
    path = "/usr/share/rspamd/plugins/spf.lua";
    path = "/usr/share/rspamd/plugins/dmarc.lua";
}}
lua = "{dir}/none.lua";
actions {{ reject = 15; "add header" = 6; }}
metric {{ name = "default"; actions {{ reject = 15; }} }}
worker "rspamd_proxy" {{
    bind_socket = "{host}:{port}";
    milter = yes;
    count = {cpus};
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""


class Rspamd(Helper):
    """rspamd as a milter that scans by itself, with spf, dkim and dmarc and nothing else."""

    name = "rspamd"
    start_timeout = 120.0  # it compiles its patterns first, once a machine

    def command(self):
        owner = pwd.getpwnam("_rspamd")
        os.chown(self.dir, owner.pw_uid, owner.pw_gid)
        (self.dir / "none.lua").write_text("\n")
        config = self.dir / "rspamd.conf"
        config.write_text(RSPAMD.format(dir=self.dir, dns=self.unbound.host, host=HOST,
                                        dns_port=self.unbound.port, port=self.port,
                                        cpus=os.cpu_count()))
        return [find("rspamd"), "-f", "-u", "_rspamd", "-g", "_rspamd", "-c", str(config)]


MASTER = """\
{host}:{port} inet  n - n - 300 smtpd -o smtpd_upstream_proxy_protocol=haproxy
cleanup   unix  n - n - 0   cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - -   trivial-rewrite
bounce    unix  - - n - 0   bounce
defer     unix  - - n - 0   bounce
trace     unix  - - n - 0   bounce
smtp      unix  - - n - -   smtp
error     unix  - - n - -   error
retry     unix  - - n - -   error
anvil     unix  - - n - 1   anvil
proxymap  unix  - - n - -   proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
scache    unix  - - n - 1   scache
flush     unix  n - n 1000? 0 flush
"""
SPAWNED = "policyd   unix  - n n - 0   spawn user=nobody argv={program} {config}\n"


class QueueingPostfix(servers.Postfix):
    """Postfix as the mail server it is: smtpd, queue, delivery to the sink."""

    name = "postfix-milters"
    preface = servers.PROXY_LOCAL

    def __init__(self, base, sink_port, unbound, *, name, milters, spf):
        self.name = name
        super().__init__(base, sink_port)
        self.unbound, self.milters, self.spf = unbound, milters, spf

    def _main_cf(self):
        milters = ", ".join(f"inet:{HOST}:{milter.port}" for milter in self.milters)
        recipients = "check_policy_service unix:private/policyd" if self.spf else ""
        return f"""\
compatibility_level = 3.6
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
daemon_directory = {servers.POSTFIX_DAEMONS}
syslog_name = gatepost-bench
myhostname = {HOSTNAME}
mydestination =
relay_domains = example.org
relay_recipient_maps =
relay_transport = smtp:[{HOST}]:{self.sink_port}
smtp_host_lookup = native
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 192.0.2.1
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_client_restrictions =
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = {recipients}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtp_destination_concurrency_limit = 20
relay_destination_concurrency_limit = 20
default_process_limit = 300
smtpd_milters = {milters}
milter_default_action = tempfail
milter_protocol = 6
policyd_time_limit = 3600
"""

    def _master_cf(self):
        text = MASTER.format(host=HOST, port=self.port)
        if not self.spf:
            return text
        config = self.dir / "policyd.conf"
        config.write_text(f"debugLevel = 0\nHELO_reject = Fail\nMail_From_reject = Fail\n"
                          f"PermError_reject = False\nTempError_Defer = False\nHeader_Type = AR\n"
                          f"Authserv_Id = {HOSTNAME}\nskip_addresses = 192.0.2.1/32\n")
        return text + SPAWNED.format(program=find("policyd-spf"), config=config)

    def _make_queue(self):
        super()._make_queue()
        owner = pwd.getpwnam("postfix").pw_uid
        for sub in ("deferred", "bounce", "defer", "flush", "hold", "corrupt", "trace", "saved",
                    "maildrop"):
            path = self.dir / "queue" / sub
            path.mkdir()
            os.chown(path, owner, -1)

    def command(self):
        return with_resolver(super().command(), self.dir, self.unbound)

    def drain(self):
        """Waits until all it took is delivered. Raises ServerError."""
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while time.monotonic() < deadline:
            if not any(files for name in QUEUES
                       for _, _, files in os.walk(self.dir / "queue" / name)):
                return
            time.sleep(0.02)
        raise servers.ServerError(f"{self.name} has mail left after {DRAIN_TIMEOUT:.0f} s")
