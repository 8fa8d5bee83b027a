# SPDX-License-Identifier: ISC
"""Authentication-Results (authres-dev) and dates (mime-stalwart-headers) that others have written
down, asked of the modules through tests/unit/drivers/auth_results_driver. Each prints
"suite: passed/total"."""

import calendar
import json
import re

from test_conformance_pure import drive

from harness import SUITES
from harness.suite import need, report

AUTHRES = SUITES / "authres-dev" / "go-msgauth.json"
DATES = SUITES / "mime-stalwart-headers" / "date.json"

# Stalwart's reader takes any numbers in this order for a date. Ours is RFC 5322's, since a Date that
# cannot be read is a finding; by header:
DATE_DEVIATIONS = {
    "4 8 15 16 23 42, 4 8 15 16 23 42, 4 8 15 16 23 42,":
        "numbers without a month's name or colons are no date of RFC 5322 3.3",
    "20 11 (some \n 44 comments(more comments\n )) 79 05:34:27 -0300":
        "a month is a name (RFC 5322 3.3)",
    "by 2002:aa7:cd10:0:b0:45c:2c83:1208 with SMTP id "
    "b16-20020aa7cd10000000b0045c2c831208mr4220805edw.81.1665423075119;\n"
    "\tMon, 10 Oct 2022 10:31:15 -0700 (PDT)":
        "the value of a Received field, not of a Date field",
}


def readings(case):
    """What the reader is to say of the case."""
    words = [case["authserv_id"].encode().hex()]
    for result in case["results"]:
        props = [f"{name}={value.encode().hex()}" for name, value in result.get("props", {}).items()]
        words.append(";".join([f"{result['method']}={result['result']}",
                               result.get("reason", "").encode().hex(), *props]))
    return " ".join(words)


def test_authres_dev():
    """Each field is seen as that of its authserv-id and of no other; and the reader by which the
    unit and fuzz tests judge what we write reads what others write."""
    need(AUTHRES)
    cases = json.loads(AUTHRES.read_text())["cases"]
    lines = []
    for case in cases:
        value = case["value"].encode().hex()
        lines += [f"ours {case['authserv_id']} {value}", f"ours mx.gatepost.example {value}",
                  f"read {value}"]
    verdicts = drive("auth_results_driver", lines)

    failures = []
    for index, case in enumerate(cases):
        got = verdicts[3 * index:3 * index + 3]
        want = ["ours", "other", readings(case)]
        if got != want:
            failures.append(f"{case['value']!r}: {got}, not {want}")
    report("authres-dev", failures, len(cases))


def seconds(expected):
    """The date of a case as the driver writes it."""
    if expected is None:
        return "none"
    zone = 3600 * expected["tz_hour"] + 60 * expected["tz_minute"]
    local = calendar.timegm(tuple(expected[unit] for unit in
                                  ("year", "month", "day", "hour", "minute", "second")))
    return str(local + zone if expected["tz_before_gmt"] else local - zone)


def field(text):
    """The octets of the field that begins the text: a line end without a blank behind it ends it."""
    return re.split(r"\r?\n(?![ \t])", text)[0].replace("\r", "").replace("\n", "\r\n").encode()


def test_stalwart_dates():
    need(DATES)
    cases = json.loads(DATES.read_text())
    verdicts = drive("auth_results_driver", ["date " + field(case["header"]).hex()
                                             for case in cases])

    failures = []
    assert set(DATE_DEVIATIONS) <= {case["header"].strip() for case in cases}
    for case, verdict in zip(cases, verdicts):
        header = case["header"].strip()
        want = "none" if header in DATE_DEVIATIONS else seconds(case["expected"])
        if verdict != want:
            failures.append(f"{header!r}: {verdict}, not {want}")
    report("mime-stalwart-headers dates", failures, len(cases), DATE_DEVIATIONS)
