#!/usr/bin/env bash
# Make .venv from requirements.lock: `bash etc/setup.sh`, called by every make target.
# Needs Python 3.11 and a package index. Does nothing when .venv is up to date.
# The log of everything is build/setup.log.
set -uo pipefail
cd "$(dirname "$0")/.."

UV_PINNED=0.13.9
NEED_MB=2200
MARK=.venv/.camp-setup
LOG=build/setup.log

say() { printf '%s\n' "$*" >&2; printf '%s\n' "$*" 2>/dev/null >>"$LOG"; }
fail() { say "setup: $*"; exit 1; }

wanted() { printf '%s\n' "$PWD"; cat etc/setup.sh etc/first_imports.py requirements.lock pyproject.toml | cksum; }
ready() {
    [ -f "$MARK" ] && [ "$(cat "$MARK")" = "$(wanted)" ] && .venv/bin/python -c '' 2>/dev/null
}
ready && exit 0

mkdir -p build 2>/dev/null && : >"$LOG" 2>/dev/null ||
    { echo "setup: cannot write $PWD/build: free disk space or mend its permissions" >&2; exit 1; }

# Prints why a step failed, from its log, in one line.
because() {
    local tail; tail=$(tail -n 60 "$LOG")
    case $tail in
    *"No space left"* | *"os error 28"* | *"Disk quota"*)
        fail "the disk is full ($1): free about $NEED_MB MB here and in $(cache), then run make again" ;;
    *"onnection refused"* | *"error sending request"* | *"ailed to fetch"* | *"NewConnectionError"* | \
    *"resolve"*"host"* | *"name resolution"* | *"ConnectTimeout"* | *"timed out"* | *"from versions: none"*)
        fail "cannot reach the package index ${UV_DEFAULT_INDEX:-PyPI} ($1): check the network or proxy, or" \
            "name a mirror: PIP_INDEX_URL=<address of its /simple> make" ;;
    *ensurepip*)
        fail "$python has no venv module: on Debian or Ubuntu run: apt-get install python3.11-venv" ;;
    *) fail "$1 failed: the reason is at the end of $PWD/$LOG" ;;
    esac
}
need() { # need MB: stop unless they are free here, or torch is there already
    local free; free=$(df -Pm . | awk 'NR == 2 {print $4}')
    [ -e .venv/lib/python3.11/site-packages/torch ] || [ "$free" -ge "$1" ] ||
        fail "needs about $1 MB of disk in $PWD, $free MB are free: free some, then run make again"
}
cache() { printf '%s' "${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/uv}"; }

is_311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3 python; do
        is_311 "$candidate" && { command -v "$candidate"; return; }
    done
    return 1
}
python=$(find_python) ||
    fail "needs Python 3.11, found $(python3 --version 2>/dev/null || echo none): install it (Debian 12: apt-get" \
        "install python3.11-venv; conda: conda env create -f environment.yml) or run make PYTHON=/path/to/python3.11"

is_setup() { # a process of this script, alive
    { cat "/proc/$1/cmdline" || ps -p "$1" -o args=; } 2>/dev/null | grep -aq setup.sh
}

# An environment of our own that is half made or was moved is made anew; one of others is kept.
if [ -d .venv ]; then
    [ -f "$MARK" ] || fail "$PWD/.venv was made by something else: rename or delete it, then run make again"
    state=$(head -n 1 "$MARK")
    case $state in
    making\ *)
        is_setup "${state#making }" &&
            fail "another set-up (process ${state#making }) is running: wait for it, then run make again"
        say "The last set-up was interrupted; starting again."
        rm -rf .venv ;;
    "$PWD") .venv/bin/python -c '' 2>/dev/null || rm -rf .venv ;;
    *) rm -rf .venv ;;
    esac
fi
need "$NEED_MB"
if [ ! -d .venv ]; then
    say "Setting up .venv with $python: about 2 GB of disk (6 GB where torch comes with CUDA), once."
fi
mkdir -p .venv && echo "making $$" >"$MARK" || because "making .venv"

# pip's settings also hold for uv: a mirror, a folder of wheels.
setting() {
    local variable; variable=PIP_$(printf '%s' "$1" | tr a-z- A-Z_)
    printf '%s' "${!variable:-$(.venv/bin/python -m pip config get "global.$1" 2>/dev/null)}"
}
step() { # step NAME COMMAND...: run it, log all, show only the lines that tell progress
    local name=$1; shift
    say "- $name"
    "$@" 2>&1 | tee -a "$LOG" | awk '/^ *(Resolved|Downloading|Prepared|Installed) / {print "  " $0; fflush()}' >&2
    [ "${PIPESTATUS[0]}" -eq 0 ] || because "$name"
}

[ -x .venv/bin/python ] || step "new environment" "$python" -m venv .venv
index=$(setting index-url)
links=$(setting find-links | tr -s ' \n' ',')
[ -n "$index" ] && export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
[ -n "$links" ] && export UV_FIND_LINKS="${UV_FIND_LINKS:-$links}"
export VIRTUAL_ENV=$PWD/.venv UV_HTTP_RETRIES=${UV_HTTP_RETRIES:-3}
uv=.venv/bin/uv

# PyPI's torch for Linux brings CUDA; a folder of wheels is taken to hold the one for the CPU.
[ "$(uname)" = Linux ] && [ -z "$links" ] && NEED_MB=6000
need "$NEED_MB"

"$uv" --version 2>/dev/null | grep -q "^uv $UV_PINNED " ||
    step "installer uv $UV_PINNED" .venv/bin/python -m pip install -q --retries 2 --timeout 30 "uv==$UV_PINNED"
step "packages of requirements.lock" "$uv" pip install -r requirements.lock
step "this project" "$uv" pip install --no-deps --no-build-isolation -e .
step "first imports" env -u PYTHONDONTWRITEBYTECODE .venv/bin/python etc/first_imports.py
wanted >"$MARK" || because "writing $MARK"
say "Ready in ${SECONDS} s: .venv/bin/camp --help"
