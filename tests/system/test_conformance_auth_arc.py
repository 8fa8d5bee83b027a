# SPDX-License-Identifier: ISC
"""ARC validation suites (arc-valimail-dev, arc-stalwart), asked of policy/auth/arc through
tests/unit/drivers/arc_driver. Each prints "suite: passed/total"."""

import subprocess

import yaml

from harness import SUITES
from harness.suite import driver, need, report

VALIMAIL = SUITES / "arc-valimail-dev" / "arc-draft-validation-tests.yml"
STALWART = SUITES / "arc-stalwart"
NOW = 1667843664

# What the suite expects otherwise than RFC 8617, by name: (our result, reason).
DEVIATIONS = {
    "ams_fields_c_na": ("fail", "made with relaxed/relaxed but without c=: RFC 8617 4.1.2 has the "
                                "semantics of DKIM, where that is simple/simple (RFC 6376 3.5)"),
}
QUESTIONS_MOST = 6  # of a chain of five: its seals and the newest message signature


def drive(cases):
    """The driver's words on each (now, message, {name: text})."""
    lines = []
    for now, message, keys in cases:
        words = [str(now), message.hex() or "-"]
        for name, text in keys.items():
            words += [name.encode().hex(), text.encode().hex() or "-"]
        lines.append(" ".join(words) + "\n")
    done = subprocess.run([driver("arc_driver")], input="".join(lines), text=True,
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    answers = [line.split(" ", 4) for line in done.stdout.splitlines()]
    assert len(answers) == len(lines)
    return answers


def wire(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()


def pairs(node):
    return [(key.value, value) for key, value in node.value]


def valimail_cases():
    """(name, result or "" where anything goes, message, keys). Names that stand twice, of which
    loaders keep the last, are read from the nodes."""
    for scenario in yaml.compose_all(VALIMAIL.read_text(encoding="utf-8")):
        parts = dict(pairs(scenario))
        keys = {name: "".join(text.value.split("\n"))
                for name, text in pairs(parts["txt-records"])}
        for name, test in pairs(parts["tests"]):
            fields = {key: value.value for key, value in pairs(test)}
            yield name, fields["cv"].lower(), wire(fields["message"]), keys


def test_arc_valimail():
    need(VALIMAIL)
    cases = list(valimail_cases())
    answers = drive([(NOW, message, keys) for _, _, message, keys in cases])
    failures = []
    deviations = []
    for (name, want, _, _), (result, _, _, asked, *why) in zip(cases, answers):
        if name in DEVIATIONS:
            assert want != DEVIATIONS[name][0]
            want = DEVIATIONS[name][0]
            deviations.append(name)
        if (want and result != want) or int(asked) > QUESTIONS_MOST:
            failures.append(f"{name}: {result} ({' '.join(why)}), not {want}; {asked} questions")
    report("arc-valimail-dev", failures, len(cases),
           {name: ": ".join(DEVIATIONS[name]) for name in deviations})


def test_arc_stalwart():
    need(STALWART)
    names = sorted(STALWART.glob("*.txt"))
    cases = []
    for path in names:
        records, message = path.read_text(encoding="utf-8").split("\n\n", 1)
        keys = dict(line.split(" ", 1) for line in records.splitlines())
        cases.append((NOW, wire(message), keys))
    answers = drive(cases)
    failures = [f"{path.name}: {' '.join(answer)}"
                for path, answer in zip(names, answers) if answer[0] != "pass"]
    report("arc-stalwart", failures, len(cases))
