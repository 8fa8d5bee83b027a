#!/bin/bash
# SPDX-License-Identifier: ISC
# mandoc finds nothing in the manual pages.
set -euo pipefail
if ! command -v mandoc >/dev/null; then
    echo "mandoc is not here"
    exit 77
fi
# In a page that is not installed the pages it refers to are not there either.
said=$(mandoc -T lint -W warning man/*.[158] | grep -v 'referenced manual not found' || true)
echo "$said"
[[ -z $said ]]
