#!/bin/sh
# Search, k-means and training steps on a graphics card: ours through Dawn in Node, PyTorch on CUDA, and
# faiss where it finds a card. Writes bench/results/gpu.md. Under ten minutes; nothing is downloaded.
#
#   npm ci && npm run build && npm i --no-save webgpu     # beforehand, with a network
#   bench/gpu/run.sh                                      # PYTHON=.venv/bin/python, NODE=node, QUICK=1
#
# Without a network `bench/gpu/carried.tar.xz`, which `pack.sh` makes elsewhere, brings all of that. Peers are
# measured as far as PYTHON has them: torch, vector_quantize_pytorch (or VQ_REFERENCE, its folder), faiss.
#
# Dawn finds the card through Vulkan: libvulkan.so.1 and the driver's file, named by VK_DRIVER_FILES where it is
# not where the loader looks. Without a card SwiftShader stands in, as Chromium has it, for a try (QUICK=1):
#   LD_LIBRARY_PATH=/usr/lib/chromium VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json
set -u
cd "$(dirname "$0")/../.."
if [ ! -d packages/vector-quantize/dist ] && [ -f bench/gpu/carried.tar.xz ]; then
  tar -xf bench/gpu/carried.tar.xz || "${PYTHON:-python3}" -m tarfile -e bench/gpu/carried.tar.xz .
fi
carried=node_modules/.carried
if [ -x "$carried/node" ]; then
  node=${NODE:-$carried/node}
  ldconfig -p 2> /dev/null | grep -q 'libvulkan\.so\.1' || export LD_LIBRARY_PATH="$PWD/$carried/lib:${LD_LIBRARY_PATH:-}"
  [ ! -d "$carried/reference" ] || VQ_REFERENCE=${VQ_REFERENCE:-$PWD/$carried/reference}
else
  node=${NODE:-node}
fi
# Where NVIDIA's container tools mount the driver, the loader does not look.
nvidia=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
[ -n "${VK_DRIVER_FILES:-}" ] || [ ! -f "$nvidia" ] || export VK_DRIVER_FILES="$nvidia"

data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
quick=${QUICK:+--quick}
export PYTHONPATH="${VQ_REFERENCE:+$VQ_REFERENCE:}${PYTHONPATH:-}"

{ nvidia-smi --query-gpu=name,driver_version --format=csv,noheader || echo "no card that nvidia-smi knows"; } \
  > "$data/card.txt" 2> /dev/null
{ cat "$carried/commit" 2> /dev/null || git describe --always --dirty 2> /dev/null || echo unknown; } > "$data/commit.txt"
report() {
  "$node" bench/gpu/report.mjs --data "$data" --out "${OUT_FILE:-bench/results/gpu.md}"
}
"$node" bench/gpu/data.mjs --data "$data" $quick
# A side that fails leaves what it had, and the others run; what is there is written after each.
timeout 240 "$node" bench/gpu/ours.mjs --data "$data" $quick || echo "ours ended with $?" >&2
report
timeout 300 "${PYTHON:-python3}" bench/gpu/peers.py --data "$data" $quick || echo "peers ended with $?" >&2
report
