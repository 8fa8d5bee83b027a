#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Every option of `gatepostd --help` is in man/gatepost.conf.5 and in man/gatepost.conf.sample, with
the same type, default and range, and neither has an option that is not in the program."""

import os
import re
import subprocess
import sys

MANUAL = "man/gatepost.conf.5"
SAMPLE = "man/gatepost.conf.sample"
faults = []


def fault(path, line, text):
    faults.append(f"{path}:{line}: {text}")


def from_program(program):
    """name -> (type, default or None, first sentence of the manual's entry)"""
    rows = {}
    text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        column = re.split(r" {2,}", line.strip())
        if len(column) != 6 or column[4] not in ("reload", "restart"):
            continue
        name, kind, default, span, change, _ = column
        says = {"required": "Required", "-": "No default"}.get(default, "Default: " + default)
        says += "" if span == "-" else "; range: " + span.replace("..", " to ")
        says += "; needs a restart" if change == "restart" else ""
        rows[name] = (kind, None if default in ("required", "-") else default, says + ".")
    return rows


def from_manual():
    """name -> (line, type, first sentence)"""
    entries = {}
    section = None
    options = False
    lines = open(MANUAL, encoding="utf-8").read().splitlines()
    for number, line in enumerate(lines, 1):
        if line.startswith(".Sh "):
            options = line == ".Sh OPTIONS"
        elif options and line.startswith(".Ss "):
            section = "" if line == ".Ss Top level" else line[4:] + "."
        found = re.fullmatch(r"\.It Cm ([a-z0-9-]+) No = Ar (.+)", line)
        if options and found:
            entries[section + found[1]] = (number, found[2], lines[number])
    return entries


def from_sample():
    """name -> (line, value or None where it is not commented out or is an example)"""
    entries = {}
    section = ""
    example = False
    for number, line in enumerate(open(SAMPLE, encoding="utf-8"), 1):
        text = line.strip()
        opening = re.fullmatch(r'([a-z-]+)( "[^"]+")? \{', text)
        option = re.fullmatch(r"(#?)([a-z0-9-]+) = (.+)", text)
        if opening:
            section = opening[1] + "."
        elif text == "}":
            section = ""
        elif option:
            name = section + option[2]
            if name in entries:
                fault(SAMPLE, number, f"{name} stands there twice")
            commented = option[1] == "#"
            entries[name] = (number, option[3].strip('"') if commented and not example else None)
            example = False
        elif text.startswith("# "):
            example = "(example)" in text or (example and text != "")
        elif text:
            fault(SAMPLE, number, f"not understood: {text}")
    return entries


def compare(rows, manual, sample):
    for name, (kind, default, says) in rows.items():
        line, manual_kind, manual_says = manual.get(name, (0, kind, says))
        if line == 0:
            fault(MANUAL, 1, f"{name} is missing")
        if manual_kind != kind:
            fault(MANUAL, line, f"{name} is of type {kind}, not {manual_kind}")
        if manual_says != says:
            fault(MANUAL, line + 1, f'{name}: right would be "{says}"')
        line, value = sample.get(name, (0, default))
        if line == 0:
            fault(SAMPLE, 1, f"{name} is missing")
        if value is not None and value != default:
            fault(SAMPLE, line, f"{name} has the default {default}, not {value}")
    for path, entries in ((MANUAL, manual), (SAMPLE, sample)):
        for name, entry in entries.items():
            if name not in rows:
                fault(path, entry[0], f"there is no option {name}")


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("GATEPOSTD", "./gatepostd")
    if not os.access(program, os.X_OK):
        print(f"{program} is not built")
        return 77
    rows = from_program(program)
    if not rows:
        fault(program, 0, "--help prints no options")
    compare(rows, from_manual(), from_sample())
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
