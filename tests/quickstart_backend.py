#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The mail server behind gatepostd in ./quickstart: aiosmtpd writing a Maildir.

usage: quickstart_backend.py MAILDIR PORT-FILE

Listens on a free port of 127.0.0.1, writes that port to PORT-FILE, and runs until SIGTERM. It takes
any recipient: who may pass is the gate's to say.
"""

import os
import signal
import socket
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    maildir, port_file = sys.argv[1:]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    controller = Controller(Mailbox(maildir), hostname="127.0.0.1", port=free_port(),
                            enable_SMTPUTF8=True, server_hostname="backend.example.org",
                            data_size_limit=64 << 20)
    controller.start()
    with open(port_file + ".new", "w", encoding="ascii") as file:
        print(controller.port, file=file)
    os.rename(port_file + ".new", port_file)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
