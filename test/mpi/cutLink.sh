#!/usr/bin/env bash
# Two network namespaces as two hosts, two processes each; the link between them is cut in silence. Passes if
# the job ends by the timeout of 5 s, with the processes that did not answer by number. Wants root, ip, unshare
# and Open MPI:
#
#   bash test/mpi/cutLink.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
made=$(mktemp -d)
a="vqA$$" b="vqB$$"
job=
cleanup() {
  [ -n "$job" ] && kill -9 -- "-$job" 2>/dev/null || true
  for ns in "$a" "$b"; do
    ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 || true
    ip netns delete "$ns" 2>/dev/null || true
  done
  rm -rf "$made"
}
trap cleanup EXIT

ip netns add "$a"
ip netns add "$b"
ip link add "fv$$A" netns "$a" type veth peer name "fv$$B" netns "$b"
ip -n "$a" address add 10.9.0.1/24 dev "fv$$A"
ip -n "$b" address add 10.9.0.2/24 dev "fv$$B"
for each in "$a fv$$A" "$b fv$$B"; do
  read -r ns link <<<"$each"
  ip -n "$ns" link set lo up
  ip -n "$ns" link set "$link" up
done

# Open MPI starts its helpers by this in place of ssh, and knows hosts by their names.
cat >"$made/agent.sh" <<AGENT
#!/bin/sh
host=\$1
shift
case \$host in 10.9.0.1) ns=$a name=hostA ;; *) ns=$b name=hostB ;; esac
exec ip netns exec \$ns unshare --uts sh -c "hostname \$name; exec sh -c '\$*'"
AGENT
chmod +x "$made/agent.sh"

set -m
ip netns exec "$a" unshare --uts sh -c "hostname hostA; exec mpirun.openmpi --allow-run-as-root --oversubscribe \
  -H 10.9.0.1:2,10.9.0.2:2 --mca plm_rsh_agent $made/agent.sh --mca oob_tcp_if_include 10.9.0.0/24 \
  --mca btl_tcp_if_include 10.9.0.0/24 --mca btl self,vader,tcp -wdir $PWD $(command -v node) test/mpi/cutLink.mjs" \
  >"$made/out" 2>&1 &
job=$!
for _ in $(seq 100); do grep -q connected "$made/out" && break; sleep 0.3; done
grep -q connected "$made/out" || { cat "$made/out"; echo "the two hosts never met"; exit 1; }

ip -n "$b" link set "fv$$B" down
cut=$SECONDS
for _ in $(seq 120); do kill -0 "$job" 2>/dev/null || break; sleep 0.5; done
cat "$made/out"
if kill -0 "$job" 2>/dev/null; then echo "still there $((SECONDS - cut)) s after the cut"; exit 1; fi
echo "ended $((SECONDS - cut)) s after the cut"
# Over there Open MPI's daemon may stay, as it does until ssh lets go of it, but no process of ours.
ours() { ip netns pids "$b" | xargs -r ps -o comm= -p | grep -c node || true; }
for _ in $(seq 40); do [ "$(ours)" = 0 ] && break; sleep 0.5; done
echo "$((SECONDS - cut)) s after the cut $(ours) processes are left on the other host"
grep -q "waited 5 s for process 2, 3" "$made/out" && [ "$(ours)" = 0 ]
