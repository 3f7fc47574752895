#!/bin/sh
# Builds a Debian in FOLDER in which the real Home Assistant runs: its core from the package index,
# on the Python of Debian's testing release, which is as new as it wants. Needs root and
# debootstrap; takes 3 GB, some minutes, and the network. A folder that is there is left as it is.
#
#   sudo benchmarks/home_assistant/make_root.sh FOLDER [VERSION]
set -eu
root=${1:?usage: make_root.sh FOLDER [VERSION]}
version=${2:-2026.11.0}

if [ -e "$root/ready-$version" ]; then
    echo "$root: Home Assistant $version"
    exit 0
fi
mkdir -p "$root"
# gcc: some of what it uses comes as source only.
[ -d "$root/usr" ] || debootstrap --variant=minbase \
    --include=python3-venv,ca-certificates,gcc,g++,libc6-dev,libpython3-dev \
    forky "$root" http://deb.debian.org/debian /usr/share/debootstrap/scripts/sid

# Whatever this machine trusts and asks for names.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /etc/resolv.conf "$root/etc/"

[ -e "$root/ha/bin/pip" ] || chroot "$root" python3 -m venv /ha
chroot "$root" /ha/bin/pip install --quiet "homeassistant==$version"
# What its integrations need it would install when it starts; here it is to need no network then.
cat > "$root/tmp/needed.py" <<'PYTHON'
import importlib.util
import json
from pathlib import Path

from homeassistant import bootstrap

parts = Path(importlib.util.find_spec("homeassistant").origin).parent / "components"
left, needed = {"mqtt", "hassio", *bootstrap.DEFAULT_INTEGRATIONS}, {}
while left - needed.keys():
    name = (left - needed.keys()).pop()
    told = json.loads((parts / name / "manifest.json").read_text())
    needed[name] = told.get("requirements", [])
    left.update(told.get("dependencies", []))
print(*sorted({one for some in needed.values() for one in some}), sep="\n")
PYTHON
chroot "$root" /ha/bin/python /tmp/needed.py > "$root/tmp/needed.txt"
limits=$(chroot "$root" /ha/bin/python -c \
    "import homeassistant as h, os; print(os.path.dirname(h.__file__) + '/package_constraints.txt')")
chroot "$root" /ha/bin/pip install --quiet --requirement /tmp/needed.txt --constraint "$limits"
touch "$root/ready-$version"
echo "$root: Home Assistant $version"
