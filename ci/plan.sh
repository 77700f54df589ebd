#!/bin/sh
# The pull-request check of Cordon for any pipeline: check, plan, comment; the exit code is that of `cordon ci`
# (0 nothing needs approval, or it has it, 1 refused or a test broken, 3 needs approval).
#
#   CORDON_HOME              folder of Cordon, built (default: the one that this file is in)
#   CORDON_POLICY            folder of the policy in the repository (default: policies)
#   CORDON_INVENTORY         file of devices to count
#   CORDON_REQUIRE_APPROVAL  what needs approval, comma-separated
#   CORDON_BASE, CORDON_HEAD the change, where the pipeline is of no forge that Cordon knows
#   CORDON_OUT               folder for the files (default: cordon-plan)
#   CORDON_FORGE_TOKEN       token that may write comments; without one there is no comment
set -eu

home=${CORDON_HOME:-$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)}
out=${CORDON_OUT:-cordon-plan}
cordon() { node "$home/bin/cordon.js" "$@"; }

set -- --policy "${CORDON_POLICY:-policies}" --out "$out"
[ -z "${CORDON_INVENTORY:-}" ] || set -- "$@" --inventory "$CORDON_INVENTORY"
[ -z "${CORDON_REQUIRE_APPROVAL:-}" ] || set -- "$@" --require-approval "$CORDON_REQUIRE_APPROVAL"
[ -z "${CORDON_BASE:-}" ] || set -- "$@" --base "$CORDON_BASE"
[ -z "${CORDON_HEAD:-}" ] || set -- "$@" --head "$CORDON_HEAD"

# What is there from before must not be taken for this run's.
rm -f "$out/result.json"
code=0
cordon ci "$@" || code=$?
[ -f "$out/result.json" ] || exit "$code"

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  node -e '
    const { change, outcome } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(`change=${change}\noutcome=${outcome}`);
  ' "$out/result.json" >>"$GITHUB_OUTPUT"
fi

if [ -n "${CORDON_FORGE_TOKEN:-}" ]; then
  cordon ci comment --out "$out" || { echo 'the plan stands, only its comment could not be written' >&2; [ "$code" -ne 0 ] || code=1; }
else
  echo "no CORDON_FORGE_TOKEN: no comment; the plan is in $out"
fi
exit "$code"
