#!/bin/sh
# Puts all that `run.sh` needs beside a driver into one file, for a machine without a network: this Node, jax-js,
# Dawn for Linux on x86-64, the build, Vulkan's loader, and the PyTorch reference where VQ_REFERENCE names it.
#
#   npm ci && npm run build && npm i --no-save webgpu
#   bench/gpu/pack.sh                # writes bench/gpu/carried.tar.xz; run.sh unpacks it where there is no build
set -eu
cd "$(dirname "$0")/../.."
carried=node_modules/.carried
rm -rf "$carried"
mkdir -p "$carried/lib"
cp "$("${NODE:-node}" -p process.execPath)" "$carried/node"
for loader in ${VULKAN_LOADER:-$(ldconfig -p | sed -n 's/.*libvulkan\.so\.1 .*=> //p') /usr/lib/chromium/libvulkan.so.1}; do
  [ ! -f "$loader" ] || { cp -L "$loader" "$carried/lib/libvulkan.so.1"; break; }
done
[ -z "${VQ_REFERENCE:-}" ] || cp -r "$VQ_REFERENCE" "$carried/reference"
git describe --always --dirty > "$carried/commit"
XZ_OPT=${XZ_OPT:--2} tar -cJf bench/gpu/carried.tar.xz --exclude=*.map --exclude=*.d.ts --exclude=__pycache__ "$carried" \
  node_modules/@jax-js/jax node_modules/vector-quantize packages/vector-quantize/dist \
  node_modules/webgpu/package.json node_modules/webgpu/index.js node_modules/webgpu/dist/linux-x64
rm -rf "$carried"
ls -l bench/gpu/carried.tar.xz
