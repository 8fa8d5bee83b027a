# SPDX-License-Identifier: ISC
"""3,000 real messages pass through the daemon byte for byte, apart from what is put in front, while
every one of them is authenticated and judged. Nothing of a message is ever shown: the corpus holds
people's mail."""

import concurrent.futures
import hashlib
import re
import tarfile
import time

import pytest

from harness import SLOW, SUITES
from harness.client import stuffed
from harness.gatepost import AUTHENTICATION
from harness.visitor import Visitor

CORPUS = SUITES / "corpus-spamassassin"
SESSIONS = 12
SECONDS = 60

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason=f"no corpus at {CORPUS}")


def messages():
    """Each message as SMTP carries it: CRLF lines, without the mailbox's "From " line."""
    for path in sorted(CORPUS.glob("*.tar.xz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    data = archive.extractfile(member).read()
                    if data.startswith(b"From "):
                        data = data.partition(b"\n")[2]
                    yield member.name, re.sub(rb"\r?\n", b"\r\n", data)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def send(gate, session, mails):
    """All of them in one session; the recipient tells which is which. Every third goes by BDAT."""
    with Visitor(gate, f"198.51.100.{10 + session}", timeout=SECONDS) as smtp:
        smtp.ehlo(f"client{session}.example.net")
        for number, (_, data) in mails:
            smtp.send(b"MAIL FROM:<sender@example.net> BODY=8BITMIME\r\n"
                      b"RCPT TO:<m%d@example.org>\r\n" % number)
            smtp.expect(250)
            smtp.expect(250)
            if number % 3 == 0:
                half = len(data) // 2
                smtp.bdat(data[:half])
                smtp.bdat(data[half:], last=True)
            else:
                smtp.cmd("DATA", 354)
                smtp.send(stuffed(data) + b".\r\n")
                smtp.expect(250)
        smtp.quit()


def test_real_mail_passes_byte_for_byte(guard, backend, dns):
    mails = list(enumerate(messages()))
    assert len(mails) == 3000
    dns.ttl = 300
    # What is found is not acted upon: spam is not to be refused here, but passed as it came.
    gate = guard({name: {} for name in AUTHENTICATION}, mode="observe",
                 limits={"received": 100, "junk-commands": 10000})
    gate.wait_learned(["8BITMIME"])
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
        for done in [pool.submit(send, gate, i, mails[i::SESSIONS]) for i in range(SESSIONS)]:
            done.result()
    took = time.monotonic() - began
    kept = {int(t.rcpt[0].partition(b"@")[0].rpartition(b"m")[2]): t for t in backend.transactions}
    assert sorted(kept) == [number for number, _ in mails]
    assert len(backend.transactions) == len(mails) and not backend.faults
    changed = [name for number, (name, data) in mails
               if digest(kept[number].message) != digest(data)]
    assert not changed, changed
    print(f"corpus: {len(mails) - len(changed)}/{len(mails)}")
    assert took < SECONDS * SLOW, f"{took:.1f} s"
