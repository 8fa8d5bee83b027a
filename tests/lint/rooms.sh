#!/bin/bash
# SPDX-License-Identifier: ISC
# The room rule: who may include what. No arrow runs back up; each external library is known in one
# place. The two tables below are the rule; HACKING.md explains it.
set -euo pipefail

# file (shell pattern) : rooms it may include
own='
lib/*                : lib
dns/*                : lib dns
db/*                 : lib db
policy/*             : lib dns db policy
admin/ctl_config.c   : lib db policy proxy admin
admin/ctl*           : lib dns db policy admin
admin/*              : lib admin
proxy/commands*.c    : lib db policy proxy
proxy/daemon_control.c : lib policy proxy admin
proxy/daemon_store.c : lib db policy proxy
proxy/list_restore.c : lib db policy proxy
proxy/options_store.c : lib db policy proxy
proxy/gate*.[ch]     : lib proxy policy
proxy/worker.c       : lib dns proxy
proxy/resolve.c      : lib dns proxy
proxy/daemon.c       : lib dns proxy policy
proxy/setup.c        : lib proxy policy
proxy/options*.c     : lib proxy policy
proxy/config.c       : lib proxy policy
proxy/*              : lib proxy
'
# header (shell pattern) : files (shell patterns) that may include it
external='
event2/*         : lib/*
openssl/*        : lib/*
confuse.h        : lib/*
jansson.h        : lib/* db/* policy/* proxy/* admin/*
idn2.h           : policy/*
systemd/*        : proxy/systemd.c
sys/capability.h : proxy/privilege.c
ares*.h          : dns/*
sqlite3.h        : db/*
libpsl.h         : policy/*
pcre2.h          : policy/*
microhttpd.h     : admin/*
'
bad=0
complain() {
    echo "$1"
    bad=1
}

# First row whose pattern matches $2 in table $1; its right side.
look_up() {
    local left right
    while IFS=: read -r left right; do
        left=${left%% *}
        # shellcheck disable=SC2053 # a pattern is meant
        if [[ -n $left && $2 == $left ]]; then
            echo "$right"
            return
        fi
    done <<<"$1"
}

check_own() {
    local file=$1 line=$2 header=$3 room=${3%%/*} allowed
    if [[ $header != */* ]]; then
        complain "$file:$line: \"$header\" must carry its folder"
        return
    fi
    allowed=" $(look_up "$own" "$file") "
    if [[ $allowed != *" $room "* ]]; then
        complain "$file:$line: may not include $header (only:$allowed)"
    fi
    if [[ $header == *_int.h && $room != "${file%%/*}" ]]; then
        complain "$file:$line: $header is private to $room/"
    fi
}

check_external() {
    local file=$1 line=$2 header=$3 allowed pattern
    allowed=$(look_up "$external" "$header")
    [[ -n $allowed ]] || return 0
    for pattern in $allowed; do
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $file == $pattern ]] && return 0
    done
    complain "$file:$line: may not include <$header> (only:$allowed)"
}

set -f # the patterns of the tables are not for the shell to expand
while IFS=: read -r file line text; do
    header=${text#*[\"<]}
    header=${header%%[\">]*}
    case $text in
    *\"*) check_own "$file" "$line" "$header" ;;
    *) check_external "$file" "$line" "$header" ;;
    esac
done < <(grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' lib dns db policy proxy admin)

# A module's own header (or the x_int.h that begins with it) comes first, so that it proves to need
# no other.
while read -r file; do
    header=${file%.c}.h
    first=$(grep -m 1 '^#include' "$file" || true)
    if [[ -f $header && $first != "#include \"$header\"" &&
        $first != "#include \"${header%.h}_int.h\"" ]]; then
        complain "$file:1: its own header must be its first include"
    fi
done < <(find lib dns db policy proxy admin -name '*.c')
exit "$bad"
