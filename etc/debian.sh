#!/usr/bin/env bash
# Install Debian packages that are missing: `bash etc/debian.sh chromium postgresql ...`.
# Where that is not possible it says so in one line and exits 0; tests then skip what needs them.
set -uo pipefail

have() {
    case $1 in
    chromium) command -v chromium || command -v chromium-browser || command -v google-chrome ;;
    postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' || command -v initdb ;;
    fonts-noto-cjk) find /usr/share/fonts -name '*CJK*' | grep . ;;
    *) false ;;
    esac >/dev/null 2>&1 || dpkg -s "$1" >/dev/null 2>&1
}

missing=()
for package in "$@"; do have "$package" || missing+=("$package"); done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
    echo "debian.sh: tests that need ${missing[*]} are skipped (cannot install them here)" >&2
    exit 0
fi
echo "debian.sh: installing ${missing[*]} with apt-get (log: build/apt.log)" >&2
mkdir -p build
install() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"; }
"${sudo[@]}" apt-get update </dev/null >build/apt.log 2>&1
install "${missing[@]}" </dev/null >>build/apt.log 2>&1 && exit 0
for package in "${missing[@]}"; do # one that is not offered here keeps no other out
    install "$package" </dev/null >>build/apt.log 2>&1 ||
        echo "debian.sh: apt-get failed, see build/apt.log; tests that need $package are skipped" >&2
done
exit 0
