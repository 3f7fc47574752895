#!/bin/sh
# Installs or updates the service on Raspberry Pi OS or Debian, Bookworm or Trixie, 64 bit:
#
#   sudo apps/raspberry_pi/install.sh            from a checkout
#   sudo apps/raspberry_pi/install.sh --notify   with what notifications need; an update keeps it
#
# Program: /opt/edgevid. Settings: /etc/edgevid/edgevid.toml, never overwritten. State and clips:
# /var/lib/edgevid. Run it again after an update of the checkout; nothing else is needed. It puts
# right, too, what an earlier run did not: access to the program, libraries that are too old.
set -eu
umask 022 # whatever root's own is: the service is another user, and must read what is written here

fail() { echo "install.sh: $1" >&2; exit 1; }

notify=""
case "${1:-}" in
"") ;;
--notify) notify=yes ;;
*) fail "usage: $0 [--notify]" ;;
esac
[ "$(id -u)" = 0 ] || fail "needs root: sudo $0"
. /etc/os-release
case "${VERSION_CODENAME:-}" in
bookworm | trixie) ;;
*) fail "made for Bookworm and Trixie, not ${PRETTY_NAME:-this system}" ;;
esac
case "$(dpkg --print-architecture)" in
arm64 | amd64) ;;
*) fail "LiteRT has no 32-bit version: install the 64-bit Raspberry Pi OS" ;;
esac
checkout=$(cd "$(dirname "$0")/../.." && pwd)
home=/opt/edgevid

echo "1/6 system packages"
packages=python3-venv
apt-get update -q
# picamera2 and the pins' library come with Raspberry Pi OS only: not from pip, since they belong
# to the system's camera stack.
for package in python3-picamera2 python3-gpiozero python3-lgpio; do
    if apt-cache show "$package" >/dev/null 2>&1; then packages="$packages $package"; fi
done
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $packages >/dev/null

echo "2/6 user"
id edgevid >/dev/null 2>&1 ||
    useradd --system --home-dir /var/lib/edgevid --shell /usr/sbin/nologin edgevid
for group in video render gpio; do
    if getent group "$group" >/dev/null; then usermod --append --groups "$group" edgevid; fi
done

echo "3/6 program"
install -d -m 755 "$home"
if [ "$checkout" != "$home" ]; then
    for part in edgevid apps pyproject.toml README.md LICENSE; do
        rm -rf "${home:?}/$part"
        cp -R "$checkout/$part" "$home/$part"
    done
fi
find "$home/edgevid" "$home/apps" -name __pycache__ -prune -exec rm -rf {} +
# picamera2 is the system's, so the environment sees the system's packages. After an upgrade of the
# system the Python that it was made for is gone, and it is made anew.
"$home/.venv/bin/python" -c "import pip" 2>/dev/null ||
    python3 -m venv --clear --system-site-packages "$home/.venv"
# Exactly these versions, and no file but those whose checksums are listed; with a newer checkout,
# newer ones. On Bookworm the system's packages are built for numpy 1, which an environment must not
# replace by numpy 2.
"$home/.venv/bin/python" -c "import apprise" 2>/dev/null && notify=yes
# Of an earlier edgevid; it shares a folder with opencv-python-headless.
"$home/.venv/bin/pip" uninstall -qq --disable-pip-version-check --yes opencv-python
for list in "" ${notify:+-notify}; do
    "$home/.venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --only-binary :all: \
        --requirement "$home/apps/raspberry_pi/requirements-$VERSION_CODENAME$list.txt"
done
"$home/.venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps \
    --no-build-isolation --editable "$home"
"$home/.venv/bin/python" -m compileall -q "$home/edgevid" "$home/apps"
# What was copied from a checkout that only root may read, and what an earlier run left so.
chmod -R u=rwX,go=rX "$home"

echo "4/6 model"
# Now and not at boot, when the network may come later than the service.
install -d -m 755 -o edgevid -g edgevid /var/cache/edgevid
if [ -d /var/lib/edgevid/models ]; then
    echo "/var/lib/edgevid/models"
elif ! (cd "$home" && runuser -u edgevid -- env XDG_CACHE_HOME=/var/cache \
    .venv/bin/python -m edgevid.models --fetch movinet-a0); then
    echo "without it the service tells only how the camera moves: run install.sh again later"
fi

echo "5/6 settings"
install -d -m 755 /etc/edgevid
if [ ! -e /etc/edgevid/edgevid.toml ]; then
    install -m 640 -o root -g edgevid "$home/apps/raspberry_pi/edgevid.toml" /etc/edgevid/
fi
# As the service will be: what root may read and write says nothing.
install -d -m 750 -o edgevid -g edgevid /var/lib/edgevid
(cd "$home" && runuser -u edgevid -- env XDG_CACHE_HOME=/var/cache STATE_DIRECTORY=/var/lib/edgevid \
    EDGEVID_MODELS=/var/lib/edgevid/models \
    .venv/bin/python -m apps.raspberry_pi --check --config /etc/edgevid/edgevid.toml) ||
    fail "the settings are wrong: sudoedit /etc/edgevid/edgevid.toml, then run this again"

echo "6/6 service"
install -m 644 "$home/apps/raspberry_pi/edgevid.service" /etc/systemd/system/
systemctl enable --quiet edgevid.service
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl restart --no-block edgevid.service
    echo "runs: journalctl --follow --unit edgevid"
else
    echo "starts with the next boot"
fi
echo "settings: /etc/edgevid/edgevid.toml; after a change: sudo systemctl restart edgevid"
