"""faiss's side of `bench/palettes.mjs`: trains once, prints seconds, error and peak memory."""

import argparse
import json
import resource
import time

import faiss
import numpy as np

parser = argparse.ArgumentParser()
for name in ["rows", "dim", "clusters", "iterations", "threads"]:
    parser.add_argument(f"--{name}", type=int)
parser.add_argument("file")
args = parser.parse_args()

x = np.load(args.file)
faiss.omp_set_num_threads(args.threads)
# All vectors, however many there are to a cluster, and no word about it.
few, many = 1, args.rows
kmeans = faiss.Kmeans(
    args.dim,
    args.clusters,
    niter=args.iterations,
    seed=1,
    min_points_per_centroid=few,
    max_points_per_centroid=many,
)
began = time.perf_counter()
kmeans.train(x)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"seconds": seconds, "error": float(kmeans.obj[-1]) / args.rows, "peak": peak}))
