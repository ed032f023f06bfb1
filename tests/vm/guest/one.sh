#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# One test: SCRIPT FUNCTION.
set -u
# shellcheck source=/dev/null
. /tests/lib.sh
# shellcheck source=/dev/null
. "/tests/$1.sh"
trap 'clean_up' EXIT
"$2"
