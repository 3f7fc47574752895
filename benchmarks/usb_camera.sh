#!/bin/sh
# Checks USB cameras for real where there is none: boots a machine whose kernel imitates one
# (vivid), with this machine's files in it, and runs usb_camera.py there. Needs Debian,
# qemu-system-x86 and the network once; takes two minutes.
#
#   benchmarks/usb_camera.sh FOLDER PYTHON MODEL.tflite
#
# FOLDER keeps the kernel. PYTHON has edgevid's runtime libraries.
set -eu
usage="usage: usb_camera.sh FOLDER PYTHON MODEL.tflite"
folder=$(realpath "${1:?$usage}")
python=$(realpath --no-symlinks "${2:?$usage}")
model=$(realpath "${3:?$usage}")
repository=$(realpath "$(dirname "$0")/..")

if [ ! -e "$folder/initrd" ]; then
    mkdir -p "$folder/system/bin" "$folder/system/dev" "$folder/packages"
    cd "$folder/packages"
    image=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2}')
    apt-get download -q busybox-static "$image"
    for package in *.deb; do dpkg -x "$package" "$folder/packages"; done
    cp boot/vmlinuz-* "$folder/kernel"
    cp bin/busybox "$folder/system/bin/"

    # Only the modules that a camera and a shared folder need.
    release=$(ls lib/modules)
    cd "lib/modules/$release"
    mkdir -p "$folder/system/lib/modules/$release"
    cp --parents -r kernel/drivers/media kernel/drivers/virtio kernel/drivers/video \
        kernel/net/9p kernel/fs/9p kernel/fs/netfs kernel/fs/fscache modules.builtin \
        modules.order "$folder/system/lib/modules/$release/"
    "$folder/system/bin/busybox" depmod -b "$folder/system" "$release"
fi

# The first program in the machine.
cat > "$folder/system/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /host
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in virtio_pci 9pnet_virtio 9p; do modprobe \$module; done
modprobe vivid node_types=0x1
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=1048576,cache=loose host /host
mount -t proc proc /host/proc
mount -t sysfs sys /host/sys
mount -t devtmpfs dev /host/dev
cd /host
chroot /host /bin/sh -c 'cd "$repository" && "$python" -B -m benchmarks.usb_camera "$model"'
echo "exit code \$?"
poweroff -f
INIT
chmod +x "$folder/system/init"
ln -sf busybox "$folder/system/bin/sh"
cd "$folder/system"
find . | bin/busybox cpio -o -H newc 2>/dev/null | gzip -1 > "$folder/initrd"

qemu-system-x86_64 -cpu Nehalem -smp 2 -m 2048 -nographic -no-reboot \
    -kernel "$folder/kernel" -initrd "$folder/initrd" \
    -append "console=ttyS0 quiet panic=-1" \
    -virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap \
    | tee "$folder/output"
grep -q "^exit code 0" "$folder/output"
