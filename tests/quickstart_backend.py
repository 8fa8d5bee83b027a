#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The mail server behind gatepostd in ./quickstart: aiosmtpd writing a Maildir.

usage: quickstart_backend.py MAILDIR PORT-FILE

Listens on a free port of 127.0.0.1, writes that port to PORT-FILE, and runs until SIGTERM. It takes
any recipient: who may pass is the gate's to say. Each connection begins with a PROXY header.
"""

import os
import signal
import socket
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox


class Keeper(Mailbox):
    """Keeps each message, with the client that the gate names."""

    async def handle_PROXY(self, server, session, envelope, proxy_data):
        if proxy_data.src_addr:  # none where the gate asks for itself
            session.peer = (str(proxy_data.src_addr), proxy_data.src_port)
        return True


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    maildir, port_file = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    controller = Controller(Keeper(maildir), hostname="127.0.0.1", port=free_port(),
                            enable_SMTPUTF8=True, server_hostname="backend.example.org",
                            data_size_limit=64 << 20, proxy_protocol_timeout=10)
    controller.start()
    with open(port_file + ".new", "w", encoding="ascii") as file:
        print(controller.port, file=file)
    os.rename(port_file + ".new", port_file)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
