#!/bin/sh
# Search, k-means and training steps on a graphics card: ours through Dawn in Node, PyTorch on CUDA, and
# faiss where it finds a card. Writes bench/results/gpu.md. Under ten minutes; nothing is downloaded.
#
#   npm ci && npm run build && npm i --no-save webgpu     # beforehand, with a network
#   bench/gpu/run.sh                                      # PYTHON=.venv/bin/python, NODE=node, QUICK=1
#
# Dawn finds the card through Vulkan: libvulkan.so.1 and the driver's file in /usr/share/vulkan/icd.d.
# Without a card SwiftShader stands in, as Chromium has it, for a try of the script (QUICK=1):
#   LD_LIBRARY_PATH=/usr/lib/chromium VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json
set -u
cd "$(dirname "$0")/../.."
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
quick=${QUICK:+--quick}
export PYTHONPATH="${VQ_REFERENCE:+$VQ_REFERENCE:}${PYTHONPATH:-}"

{ nvidia-smi --query-gpu=name,driver_version --format=csv,noheader || echo "no card that nvidia-smi knows"; } \
  > "$data/card.txt" 2> /dev/null
# A side that fails leaves what it had, and the others run.
timeout 240 "${NODE:-node}" bench/gpu/ours.mjs --data "$data" $quick || echo "ours ended with $?" >&2
timeout 300 "${PYTHON:-python3}" bench/gpu/peers.py --data "$data" $quick || echo "peers ended with $?" >&2
"${NODE:-node}" bench/gpu/report.mjs --data "$data" --out bench/results/gpu.md
