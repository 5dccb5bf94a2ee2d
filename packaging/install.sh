#!/usr/bin/env bash
# Installs Gleaner on a system without .deb packages: the program, its manual page and completions, and where there is
# systemd the service and the daily backup. Run it again to upgrade: config and feed list are never replaced.
#
#   cargo build --release --locked
#   sudo packaging/install.sh [--prefix /usr/local] [--root DIR] [--program FILE] [--no-systemd]
set -euo pipefail
cd "$(dirname "$0")/.."

program=target/release/gleaner
prefix=/usr/local
root=
systemd=auto
usage() { sed -n '2,6s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
    case $1 in
        --prefix) prefix=${2:?--prefix needs a folder}; shift 2 ;;
        --program) program=${2:?--program needs a file}; shift 2 ;;
        --root) root=${2:?--root needs a folder}; shift 2 ;;
        --no-systemd) systemd=no; shift ;;
        -h | --help) usage; exit 0 ;;
        *) echo "unknown argument: $1" >&2; usage >&2; exit 2 ;;
    esac
done
[[ $prefix == /* ]] || { echo "--prefix must be absolute" >&2; exit 2; }
if [ "$systemd" = auto ]; then
    command -v systemctl >/dev/null && systemd=yes || systemd=no
fi

packaging/prepare "$program"
made=target/packaging

install -D -m 755 "$program" "$root$prefix/bin/gleaner"
install -D -m 644 "$made/gleaner.1.gz" "$root$prefix/share/man/man1/gleaner.1.gz"
install -D -m 644 "$made/gleaner.bash" "$root$prefix/share/bash-completion/completions/gleaner"
install -D -m 644 "$made/_gleaner" "$root$prefix/share/zsh/site-functions/_gleaner"
install -D -m 644 "$made/gleaner.fish" "$root$prefix/share/fish/vendor_completions.d/gleaner.fish"
install -D -m 644 config/feeds.toml "$root$prefix/share/doc/gleaner/examples/feeds.toml"

# Made once; what the operator wrote stays.
once() { [ -e "$root$2" ] && echo "$root$2 is kept as it is" || install -D -m 644 "$1" "$root$2"; }
once "$made/gleaner.toml" /etc/gleaner/gleaner.toml
once packaging/feeds.toml /etc/gleaner/feeds.toml

if [ "$systemd" = no ]; then
    echo "installed; \`gleaner run\` under your supervisor is the service (see docs/operations.md)"
    exit 0
fi

units=/etc/systemd/system
for unit in gleaner.service gleaner-backup.service; do
    mkdir -p "$root$units"
    sed "s|^ExecStart=/usr/bin/gleaner |ExecStart=$prefix/bin/gleaner |" "systemd/$unit" >"$root$units/$unit"
    chmod 644 "$root$units/$unit"
done
install -D -m 644 systemd/gleaner-backup.timer "$root$units/gleaner-backup.timer"
install -D -m 644 systemd/gleaner.sysusers "$root/usr/lib/sysusers.d/gleaner.conf"
version=$(systemctl --version 2>/dev/null | awk 'NR == 1 { print $2 + 0 }')
if [ "${version:-0}" -ge 253 ]; then
    install -D -m 644 systemd/gleaner.service.d/notify-reload.conf "$root$units/gleaner.service.d/notify-reload.conf"
fi
if [ -n "$root" ]; then
    echo "installed below $root"
    exit 0
fi
systemd-sysusers gleaner.conf
systemctl daemon-reload
echo "installed; now: systemctl enable --now gleaner.service gleaner-backup.timer"
