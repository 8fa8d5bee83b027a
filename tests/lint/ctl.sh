#!/bin/bash
# SPDX-License-Identifier: ISC
# gatepostctl's table of commands, its manual and its completions say the same.
set -euo pipefail
ctl=$BUILDDIR/gatepostctl
if [[ ! -x $ctl ]]; then
    echo "$ctl is not built"
    exit 1
fi
table=$("$ctl" --json help)
work=$OBJDIR/lint
mkdir -p "$work"
printf '%s' "$table" >"$work/ctl.json"

# Both completions have one table, and bash can say what is in it.
part() { sed -n '/^# -- table$/,/^# -- end$/p' "$1"; }
if ! diff <(part completion/gatepostctl.bash) <(part completion/_gatepostctl); then
    echo "completion/_gatepostctl:1: its table differs from that of gatepostctl.bash"
    exit 1
fi
bash -c '
    set -eu
    complete() { :; }
    source completion/gatepostctl.bash
    line() { printf "%s\t" "$1"; shift; echo $*; }
    line common $_gatepostctl_common
    line valued $_gatepostctl_valued
    line first $_gatepostctl_commands
    for first in $_gatepostctl_commands; do
        line "second $first" $(_gatepostctl_second "$first")
        line "options $first" $(_gatepostctl_options "$first")
        for second in $(_gatepostctl_second "$first"); do
            line "options $first $second" $(_gatepostctl_options "$first $second")
        done
    done' >"$work/ctl.completion"

"$PYTHON" - "$work/ctl.json" "$work/ctl.completion" <<'PY'
import json
import re
import sys

table = json.load(open(sys.argv[1], encoding="utf-8"))
completion = dict(line.rstrip("\n").split("\t") for line in open(sys.argv[2], encoding="utf-8"))
faults = []
MANUAL = "man/gatepostctl.1"
COMPLETION = "completion/gatepostctl.bash"


def same(where, what, said, right):
    if set(said) != set(right):
        faults.append(f"{where}:1: {what}: has {sorted(set(said) - set(right))} too many, "
                      f"lacks {sorted(set(right) - set(said))}")


# ---- completions
expanded = {}
for row in table["commands"]:
    groups = [group.split("|") for group in row["command"].split()]
    for first in groups[0]:
        for second in groups[1] if len(groups) > 1 else [""]:
            expanded[first, second] = ["--" + o["option"] for o in row["options"]]
firsts = {first for first, _ in expanded}
same(COMPLETION, "commands", completion["first"].split(), firsts)
same(COMPLETION, "common options", completion["common"].split(),
     ["--" + o["option"] for o in table["options"]])
valued = {"--" + o["option"] for row in [table, *table["commands"]] for o in row["options"]
          if "value" in o}
same(COMPLETION, "options with a value", completion["valued"].split(), valued | {"-c"})
for first in firsts:
    seconds = [s for f, s in expanded if f == first and s] or (firsts if first == "help" else [])
    same(COMPLETION, first, completion["second " + first].split(), seconds)
for (first, second), options in expanded.items():
    name = (first + " " + second).strip()
    same(COMPLETION, name, completion["options " + name].split(), options)

# ---- the manual: an .It Cm line for each command, an .It Fl line for each common option
items, common = {}, set()
for number, line in enumerate(open(MANUAL, encoding="utf-8"), 1):
    found = re.match(r"\.It Cm ((?:[a-z|-]+ ?)+?)(?= (?:Ar|Op|Oo|Fl) |$)(.*)", line.rstrip())
    if found and found[1] not in items:
        items[found[1]] = (number, set(re.findall(r"Fl -([a-z-]+)", found[2])), found[2])
    elif line.startswith(".It Fl "):
        common |= set(re.findall(r"Fl -([a-z-]+)", line))
same(MANUAL, "common options", common, [o["option"] for o in table["options"]])
for row in table["commands"]:
    if row["command"] not in items:
        faults.append(f"{MANUAL}:1: {row['command']} is not in the manual")
        continue
    number, options, rest = items.pop(row["command"])
    same(f"{MANUAL}:{number}", row["command"], options, [o["option"] for o in row["options"]])
    if bool(row["operands"]) != bool(re.search(r"\bAr\b", re.sub(r"Fl -\S+ Ar \S+", "", rest))):
        faults.append(f"{MANUAL}:{number}: operands of {row['command']}: {row['operands']}")
own = {"add", "del", "import"}  # of the section JSON
for name, (number, *_) in items.items():
    if name not in own:
        faults.append(f"{MANUAL}:{number}: there is no command {name}")
print("\n".join(faults))
sys.exit(bool(faults))
PY
