"""The Python sides of the benchmark: one case in one process, JSON lines on stdin and stdout.

Requests, one object a line:
  {"do": "prepare", "side": ..., "threads": ..., "files": {...}, sizes...}  -> {"versions": {...}} or {"skip": why}
  {"do": "run"}   -> {"ms": wall time of one call}
  {"do": "peak"}  -> {"baseMiB": resident before the first call, "peakMiB": highest since}

Vectors and codebooks come as raw little-endian float32 files, so that every side has the same ones.
"""

import json
import os
import sys
import time


def memory_kib(field, path="/proc/self/status"):
    try:
        with open(path) as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as clear:
            clear.write("5")
    except OSError:
        pass


def versions(*modules):
    found = {m.__name__: m.__version__ for m in modules}
    found["python"] = sys.version.split()[0]
    try:
        with open("/proc/self/maps") as maps:
            found["jemalloc"] = "jemalloc" in maps.read()
    except OSError:
        pass
    return found


class Skip(Exception):
    """This side cannot run here; the message says why."""


def need_memory(mib):
    available = memory_kib("MemAvailable", "/proc/meminfo")
    if available is not None and available / 1024 < mib:
        raise Skip(f"needs about {mib / 1024:.0f} GB, {available / 2**20:.0f} GB are free")


def array(case, name, *shape):
    import numpy

    return numpy.fromfile(case["files"][name], dtype=numpy.float32).reshape(shape)


def import_torch(case):
    try:
        import torch
    except ImportError as error:
        raise Skip(f"PyTorch not found ({error})")
    torch.set_num_threads(case["threads"])
    torch.manual_seed(0)
    return torch


def import_reference(case):
    torch = import_torch(case)
    try:
        import vector_quantize_pytorch
    except ImportError as error:
        raise Skip(f"vector-quantize-pytorch not found ({error}); set VQ_REFERENCE to its folder")
    vector_quantize_pytorch.__version__ = reference_version(vector_quantize_pytorch)
    return torch, vector_quantize_pytorch


def reference_version(library):
    """Of the installed package, or of the source folder that it was imported from."""
    import importlib.metadata
    import pathlib
    import re

    project = pathlib.Path(library.__file__).parent.parent / "pyproject.toml"
    if project.exists():
        found = re.search(r'^version = "(.*)"', project.read_text(), re.MULTILINE)
        if found:
            return found[1]
    try:
        return importlib.metadata.version("vector-quantize-pytorch")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def import_faiss(case):
    try:
        import faiss
    except ImportError as error:
        raise Skip(f"faiss not found ({error})")
    faiss.omp_set_num_threads(case["threads"])
    return faiss


# Sides: each takes the case, returns (call, versions).


def reference_vq(case, training):
    torch, library = import_reference(case)
    n, d, k = case["n"], case["dim"], case["codes"]
    # Distances, their negative, an int64 and a float one-hot matrix; a second product in training.
    need_memory(n * k * 4 * (4.6 if not training else 5) * (1.35 if case["jemalloc"] else 1) / 2**20)
    vq = library.VectorQuantize(dim=d, codebook_size=k, use_cosine_sim=case.get("metric") == "cosine")
    vq.codebook = torch.from_numpy(array(case, "codebook", k, d)).clone()
    vq.train(training)
    x = torch.from_numpy(array(case, "vectors", n, d)).unsqueeze(0)

    def call():
        with torch.no_grad():
            vq(x)

    return call, versions(torch, library)


def reference_vq_backward(case):
    torch, library = import_reference(case)
    n, d, k = case["n"], case["dim"], case["codes"]
    need_memory(n * k * 4 * 6 * (1.35 if case["jemalloc"] else 1) / 2**20)
    vq = library.VectorQuantize(dim=d, codebook_size=k)
    vq.codebook = torch.from_numpy(array(case, "codebook", k, d)).clone()
    x = torch.from_numpy(array(case, "vectors", n, d)).unsqueeze(0).requires_grad_()
    ones = torch.ones_like(x)

    def call():
        quantized, _, loss = vq(x)
        torch.autograd.grad([quantized, loss], x, [ones, torch.ones_like(loss)])

    return call, versions(torch, library)


def reference_kmeans(case):
    torch, library = import_reference(case)
    from vector_quantize_pytorch.vector_quantize_pytorch import kmeans

    n, d, k = case["n"], case["dim"], case["codes"]
    need_memory(n * k * 4 * 3 / 2**20)
    x = torch.from_numpy(array(case, "vectors", n, d)).unsqueeze(0)

    def call():
        with torch.no_grad():
            kmeans(x, k, case["iterations"])

    return call, versions(torch, library)


def reference_residual(case, training):
    torch, library = import_reference(case)
    n, d, k, q = case["n"], case["dim"], case["codes"], case["layers"]
    beam = case.get("beam", 1)
    if beam > 1:
        if not training:
            raise Skip("the reference's evaluation forward raises with a beam")
        need_memory(n * beam * k * 4 * 4.2 / 2**20)
    options = {"beam_size": beam} if beam > 1 else {}
    rvq = library.ResidualVQ(dim=d, num_quantizers=q, codebook_size=k, **options)
    books = torch.from_numpy(array(case, "codebook", q, k, d))
    for layer, book in zip(rvq.layers, books):
        layer.codebook = book.clone()
    rvq.train(training)
    x = torch.from_numpy(array(case, "vectors", n, d)).unsqueeze(0)

    def call():
        with torch.no_grad():
            rvq(x)

    return call, versions(torch, library)


def reference_decode(case):
    torch, library = import_reference(case)
    n, d, k, q = case["n"], case["dim"], case["codes"], case["layers"]
    rvq = library.ResidualVQ(dim=d, num_quantizers=q, codebook_size=k).eval()
    indices = torch.randint(0, k, (1, n, q))

    def call():
        with torch.no_grad():
            rvq.get_output_from_indices(indices)

    return call, versions(torch, library)


def reference_autoencoder(case, patches):
    """A training step of the model of parity/autoencoder."""
    torch, library = import_reference(case)
    import pathlib

    n, k = case["n"], case["codes"]
    need_memory(n * k * 4 * 5 * (1.35 if case["jemalloc"] else 1) / 2**20)
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "parity" / "autoencoder"))
    try:
        import train
    except (ImportError, SystemExit) as error:
        raise Skip(str(error))
    model = train.Patches(k) if patches else train.build(k)
    optimizer = torch.optim.AdamW(model.parameters(), lr=train.LEARNING_RATE)
    x = torch.from_numpy(array(case, "vectors", 256, 1, 28, 28)).clamp(-1, 1)
    return lambda: train.step(model, optimizer, x), versions(torch, library)


def reference_fsq(case):
    torch, library = import_reference(case)
    levels, n = case["levels"], case["n"]
    fsq = library.FSQ(levels=levels).eval()
    x = torch.from_numpy(array(case, "vectors", n, len(levels))).unsqueeze(0)

    def call():
        with torch.no_grad():
            fsq(x)

    return call, versions(torch, library)


def reference_residual_fsq(case):
    torch, library = import_reference(case)
    levels, n = case["levels"], case["n"]
    rfsq = library.ResidualFSQ(dim=len(levels), levels=levels, num_quantizers=case["layers"]).eval()
    x = torch.from_numpy(array(case, "vectors", n, len(levels))).unsqueeze(0)

    def call():
        with torch.no_grad():
            rfsq(x)

    return call, versions(torch, library)


def reference_lfq(case, training):
    torch, library = import_reference(case)
    d, n = case["dim"], case["n"]
    if training:
        need_memory(n * 2**d * 4 * 5.5 / 2**20)  # matrices of a number a code of every vector
    lfq = library.LFQ(dim=d, codebook_size=2**d).train(training)
    x = torch.from_numpy(array(case, "vectors", n, d)).unsqueeze(0)

    def call():
        with torch.no_grad():
            lfq(x)

    return call, versions(torch, library)


def torch_search(case):
    """The least that PyTorch can do: half the squared norms minus the products, then argmin."""
    torch = import_torch(case)
    n, d, k = case["n"], case["dim"], case["codes"]
    need_memory(n * k * 4 * 1.1 / 2**20)
    x = torch.from_numpy(array(case, "vectors", n, d))
    codebook = torch.from_numpy(array(case, "codebook", k, d))

    def call():
        with torch.no_grad():
            half = codebook.square().sum(1).mul_(0.5)
            torch.addmm(half, x, codebook.t(), alpha=-1).argmin(1)

    return call, versions(torch)


def faiss_search(case):
    faiss = import_faiss(case)
    n, d, k = case["n"], case["dim"], case["codes"]
    x = array(case, "vectors", n, d)
    index = faiss.IndexFlatL2(d)
    index.add(array(case, "codebook", k, d))
    return lambda: index.search(x, case.get("topk", 1)), versions(faiss)


def faiss_kmeans(case):
    faiss = import_faiss(case)
    n, d, k = case["n"], case["dim"], case["codes"]
    x = array(case, "vectors", n, d)

    def call():
        faiss.Kmeans(
            d, k, niter=case["iterations"], seed=1, min_points_per_centroid=1, max_points_per_centroid=n
        ).train(x)

    return call, versions(faiss)


def faiss_residual(case, tables):
    faiss = import_faiss(case)
    import numpy

    n, d, k, q = case["n"], case["dim"], case["codes"], case["layers"]
    bits = k.bit_length() - 1
    if 2**bits != k:
        raise Skip("faiss takes powers of two")
    rq = faiss.ResidualQuantizer(d, q, bits)
    faiss.copy_array_to_vector(array(case, "codebook", q * k * d).astype(numpy.float32), rq.codebooks)
    rq.is_trained = True
    rq.max_beam_size = case.get("beam", 1)
    if tables:
        rq.use_beam_LUT = 1
        rq.compute_codebook_tables()
    x = array(case, "vectors", n, d)
    return lambda: rq.compute_codes(x), versions(faiss)


def sklearn_kmeans(case):
    try:
        import sklearn
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise Skip(f"scikit-learn not found ({error})")
    import warnings

    warnings.filterwarnings("ignore")
    n, d, k = case["n"], case["dim"], case["codes"]
    x = array(case, "vectors", n, d)

    def call():
        KMeans(k, init="random", n_init=1, max_iter=case["iterations"], tol=0, random_state=1, algorithm="lloyd").fit(x)

    return call, versions(sklearn)


SIDES = {
    "reference eval": lambda case: reference_vq(case, False),
    "reference train": lambda case: reference_vq(case, True),
    "reference train and backward": reference_vq_backward,
    "reference kmeans": reference_kmeans,
    "reference residual eval": lambda case: reference_residual(case, False),
    "reference residual train": lambda case: reference_residual(case, True),
    "reference decode": reference_decode,
    "reference autoencoder of convolutions": lambda case: reference_autoencoder(case, False),
    "reference autoencoder of patches": lambda case: reference_autoencoder(case, True),
    "reference fsq": reference_fsq,
    "reference residual fsq": reference_residual_fsq,
    "reference lfq": lambda case: reference_lfq(case, False),
    "reference lfq train": lambda case: reference_lfq(case, True),
    "torch addmm+argmin": torch_search,
    "faiss IndexFlatL2": faiss_search,
    "faiss Kmeans": faiss_kmeans,
    "faiss ResidualQuantizer": lambda case: faiss_residual(case, False),
    "faiss ResidualQuantizer, tables": lambda case: faiss_residual(case, True),
    "scikit-learn KMeans": sklearn_kmeans,
}


def main():
    # If memory runs out, this process is the one to go.
    try:
        with open("/proc/self/oom_score_adj", "w") as adjust:
            adjust.write("1000")
    except OSError:
        pass
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the replies
    call, base = None, None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                call, found = SIDES[request["side"]](request)
                reset_peak()
                base = memory_kib("VmRSS")
                reply = {"versions": found}
            elif request["do"] == "run":
                start = time.perf_counter()
                call()
                reply = {"ms": (time.perf_counter() - start) * 1e3}
            elif request["do"] == "peak":
                peak = memory_kib("VmHWM")
                reply = {} if peak is None else {"baseMiB": base / 1024, "peakMiB": peak / 1024}
            else:
                reply = {"error": f"unknown request {request['do']!r}"}
        except Skip as reason:
            reply = {"skip": str(reason)}
        except (MemoryError, RuntimeError, ValueError, AssertionError) as error:
            reply = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
