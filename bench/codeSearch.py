"""faiss's side of codeSearch.mjs: JSON lines on stdin and stdout, one thread, the best instruction set that it has."""

import json
import sys
import time

import faiss
import numpy as np

faiss.omp_set_num_threads(1)
folder, dim = sys.argv[1], int(sys.argv[2])
K = 10


def read(name):
    return np.fromfile(f"{folder}/{name}.f32", "<f4").reshape(-1, dim)


def rotated(index):
    return faiss.IndexPreTransform(faiss.RandomRotationMatrix(dim, dim), index)


def build():
    x = read("vectors")
    made = {
        "RaBitQ": rotated(faiss.IndexRaBitQFastScan(dim)),
        "PQ 96 x 16": faiss.IndexPQFastScan(dim, 96, 4),
        "PQ 48 x 256": faiss.IndexPQ(dim, 48, 8),
        "exact": faiss.IndexFlatL2(dim),
    }
    for index in made.values():
        index.train(x[:65536])
        index.add(x)
    flat = made["exact"]
    refined = faiss.IndexRefine(made["RaBitQ"], flat)
    refined.k_factor = 10
    return {**made, "RaBitQ, re-ranked": refined}


sides = {}
queries = read("queries")
for line in sys.stdin:
    asked = json.loads(line)
    name = asked["do"]
    if name == "prepare":
        sides = build()
        names = [f"{side}, {how}" for side in sides for how in ("one", "batch") if side != "exact" or how == "batch"]
        versions = f"faiss {faiss.__version__}, {faiss.get_compile_options()}"
        print(json.dumps({"versions": versions, "names": names}), flush=True)
        continue
    side, how = name.rsplit(", ", 1)
    index, own = sides[side], queries[: asked["queries"]]
    begin = time.perf_counter()
    if how == "batch":
        ids = index.search(own, K)[1]
    else:
        ids = np.concatenate([index.search(own[i : i + 1], K)[1] for i in range(len(own))])
    ms = 1e3 * (time.perf_counter() - begin)
    print(json.dumps({"ms": ms, "ids": ids.ravel().tolist()}), flush=True)
