# SPDX-License-Identifier: ISC
"""Other people's seals: chains that python-dkim makes are whole here, and no longer once a bit that
is sealed has changed."""

import subprocess

import pytest

from test_conformance_auth_arc import drive

dkim = pytest.importorskip("dkim", reason="python3-dkim is not here")
pytest.importorskip("authres", reason="python3-authres is not here, which python3-dkim seals with")

NOW = 2000000000
SETS = 5
RESULTS = b"Authentication-Results: %s; arc=%s; dmarc=pass header.from=example.org\r\n"
MESSAGE = (
    b"Received: from a.example (a.example [192.0.2.1])\r\n\tby b.example;\r\n\tSun, 1 Jan 2023\r\n"
    b"from:  Joe   <joe@example.org>\r\n"
    b"Subject:\r\n a  subject \t in\r\n\t three lines\r\n"
    b"Date:Sun, 1 Jan 2023 00:00:00 +0000\r\n"
    b"\r\n"
    b"Hi  there.\t \r\n\r\n  .dots\r\n..\r\n\xc3\xbc\xff \t\r\n\r\n\r\n")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """For each sealer's domain: the private key in PEM, and the record."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for number in range(1, SETS + 1):
        path = folder / f"{number}.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", path, "2048"], check=True,
                       capture_output=True, timeout=60)
        public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout"], check=True,
                                capture_output=True, text=True, timeout=60).stdout
        record = "v=DKIM1; k=rsa; p=" + "".join(public.splitlines()[1:-1])
        made[f"hop{number}.example"] = (path.read_bytes(), record)
    return made


def records(keys):
    return {f"s._domainkey.{domain}": record for domain, (_, record) in keys.items()}


def chains(keys):
    """The message with one set, two, ..."""
    message = MESSAGE
    for number, (domain, (key, _)) in enumerate(keys.items(), 1):
        results = RESULTS % (domain.encode(), b"none" if number == 1 else b"pass")
        sets = dkim.arc_sign(results + message, b"s", domain.encode(), key, domain.encode(),
                             timestamp=NOW)
        assert len(sets) == 3
        message = b"".join(line if line.endswith(b"\r\n") else line + b"\r\n"
                           for line in sets) + results + message
        yield number, message


def test_chains_of_python_dkim_are_whole(keys):
    made = list(chains(keys))
    answers = drive([(NOW, message, records(keys)) for _, message in made])
    for (number, _), (result, sets, oldest, asked, *why) in zip(made, answers):
        assert result == "pass", why
        assert int(sets) == number and int(asked) == number
        assert oldest == "0"


def test_a_flipped_bit_breaks_them(keys):
    message = list(chains(keys))[-1][1]
    words = [b"ARC-Seal: i=5", b"cv=none", b"i=3; hop3", b"d=hop4", b"Joe", b"subject", b"dots"]
    places = [message.index(word) + len(word) - 1 for word in words]
    cases = [(NOW, message[:place] + bytes([message[place] ^ 1]) + message[place + 1:],
              records(keys)) for place in places]
    answers = drive(cases)
    assert [answer[0] for answer in answers] == ["fail"] * len(words)
