#!/bin/bash
# SPDX-License-Identifier: ISC
# The rows of administrators' commands (lib/command.h) and gatepost-control(5) say the same: name,
# level and arguments; no name stands twice; and what a file reads as a number, a flag or a list is
# declared so in one of its rows.
set -euo pipefail
"${PYTHON:-/usr/bin/python3}" - <<'PY'
import glob
import re
import sys

MANUAL = "man/gatepost-control.5"
TEXT = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
ROW = re.compile(r'\{\s*' + TEXT + r',\s*' + TEXT + r',\s*' + TEXT +
                 r',\s*COMMAND_(READ|ADMIN),\s*\w+\s*\}')
READ = re.compile(r'command_(number|flag|list)\(\s*[^,()]+,\s*"([^"]*)"')
WORD = re.compile(r'\[?[a-z][a-z0-9-]*(:(number|flag|list))?\]?')
faults = []
rows = {}  # name -> (file:line, level, args)


def text(literals):
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals))


for path in sorted(p for room in ("lib", "db", "policy", "proxy", "admin")
                   for p in glob.glob(room + "/*.c")):
    source = open(path, encoding="utf-8").read()
    declared = set()
    for found in ROW.finditer(source):
        name, args = text(found[1]), text(found[2])
        where = f"{path}:{source.count(chr(10), 0, found.start()) + 1}"
        if name in rows:
            faults.append(f"{where}: {name} stands in {rows[name][0]}, too")
        if not re.fullmatch("[a-z][a-z-]*", name):
            faults.append(f"{where}: {name} is not of lower case and dashes")
        for word in args.split():
            if not WORD.fullmatch(word) or word.startswith("[") != word.endswith("]"):
                faults.append(f"{where}: {name}: the argument {word} is not as lib/command.h says")
        rows[name] = (where, found[4].lower(), args)
        declared |= {word.strip("[]") for word in args.split()}
    if declared:
        for kind, name in READ.findall(source):
            if f"{name}:{kind}" not in declared:
                faults.append(f"{path}:1: no row declares {name}:{kind}, which is read")

manual = {}
lines = open(MANUAL, encoding="utf-8").read().splitlines()
for number, line in enumerate(lines, 1):
    if found := re.fullmatch(r"\.It Cm ([a-z-]+)", line):
        said = re.fullmatch(r"\.D1 (read|admin): (.*)", lines[number])
        manual[found[1]] = (number, said[1] if said else "?", said[2] if said else "?")
for name, (where, level, args) in rows.items():
    number, *said = manual.pop(name, (1, None, None))
    if said[0] is None:
        faults.append(f"{MANUAL}:1: {name} ({where}) is missing")
    elif said != [level, args or "none"]:
        faults.append(f'{MANUAL}:{number + 1}: right would be ".D1 {level}: {args or "none"}"')
for name, (number, *_) in manual.items():
    faults.append(f"{MANUAL}:{number}: there is no command {name}")
if not rows:
    faults.append("lib/command.h:1: no rows are found")
print("\n".join(faults))
sys.exit(bool(faults))
PY
