#!/bin/sh
# Builds a Debian 13 in FOLDER in which the real picamera2 runs on libcamera's virtual camera.
# Needs root and debootstrap; takes 1.1 GB, some minutes, and the network.
#
#   sudo benchmarks/picamera/make_root.sh FOLDER
set -eu
root=${1:?usage: make_root.sh FOLDER}

# gcc and the headers: picamera2 depends on a package that comes as source only. systemd: so that
# it can be booted.
debootstrap --variant=minbase --include=python3-venv,python3-numpy,python3-libcamera,\
libcamera-ipa,python3-prctl,ca-certificates,gcc,libc6-dev,libpython3-dev,\
systemd,systemd-sysv,dbus \
    trixie "$root"

# Whatever this machine trusts and asks for names.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp /etc/resolv.conf "$root/etc/"

chroot "$root" python3 -m venv --system-site-packages /venv
chroot "$root" /venv/bin/pip install --quiet \
    picamera2 opencv-python-headless ai-edge-litert tqdm paho-mqtt

mkdir -p "$root/usr/share/libcamera/pipeline/virtual"
cat > "$root/usr/share/libcamera/pipeline/virtual/virtual.yaml" <<YAML
# The pictures in the folder, one after the other, without end.
"Virtual0":
  supported_formats:
  - width: 640
    height: 480
    frame_rates:
    - 30
  frames:
    path: "/edgevid/scene/"
  location: "CameraLocationFront"
  model: "Virtual"
YAML
echo "ready: EDGEVID_PICAMERA_ROOT=$root make test (as root)"
