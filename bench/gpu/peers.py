"""The peers of `run.sh` on CUDA, on the data that ours wrote: JSON lines to `peers.json`."""

import argparse
import importlib.metadata
import importlib.util
import json
import pathlib
import statistics
import sys
import time

arguments = argparse.ArgumentParser()
arguments.add_argument("--data", type=pathlib.Path, required=True)
arguments.add_argument("--quick", action="store_true")
options = arguments.parse_args()


def tell(**line):
    print(json.dumps(line), flush=True)
    with open(options.data / "peers.json", "a") as file:
        file.write(json.dumps(line) + "\n")


try:
    import numpy
    import torch
except ImportError as error:
    tell(peers=f"PyTorch not found ({error})")
    sys.exit()

on = "cuda" if torch.cuda.is_available() else "cpu"
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
name = torch.cuda.get_device_name() if on == "cuda" else "no CUDA: PyTorch runs on the CPU"


def version_of(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


faiss_packages = ["faiss-gpu-cu12", "faiss-gpu-cu11", "faiss-gpu", "faiss-cpu"]
installed = [f"{package} {version_of(package)}" for package in faiss_packages]
tell(
    device=name,
    python=sys.version.split()[0],
    torch=torch.__version__,
    cuda=torch.version.cuda,
    reference=version_of("vector-quantize-pytorch"),
    reference_found=importlib.util.find_spec("vector_quantize_pytorch") is not None,
    faiss=next((each for each in installed if "not installed" not in each), "not installed"),
)


def timed(call):
    def once():
        begin = time.perf_counter()
        call()
        if on == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) * 1000

    once()
    times, until = [], time.perf_counter() + 3
    while len(times) < 30 and time.perf_counter() < until:
        times.append(once())
    return statistics.median(times)


def measure(case, side, make):
    try:
        tell(id=case, side=side, ms=timed(make()))
    except Exception as error:  # a peer that fails, say for memory, is a line of the table
        tell(id=case, side=side, skip=f"{type(error).__name__}: {str(error).splitlines()[0][:80]}")
    if on == "cuda":
        torch.cuda.empty_cache()


def floats(path, dim):
    return numpy.fromfile(options.data / path, dtype=numpy.float32).reshape(-1, dim)


def addmm(x, codes):
    half = (codes * codes).sum(1) / 2
    return lambda: torch.addmm(half, x, codes.T, alpha=-1).argmin(1)


def reference(x, codes, training):
    from vector_quantize_pytorch import VectorQuantize

    vq = VectorQuantize(dim=codes.shape[1], codebook_size=codes.shape[0]).to(on)
    vq.codebook = codes.clone()
    vq.train(training)

    def call():
        with torch.no_grad():
            vq(x[None])

    return call


def faiss_search(x, codes):
    import faiss

    index = faiss.IndexFlatL2(codes.shape[1])
    if on == "cuda":
        index = faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)
    index.add(codes)
    return lambda: index.search(x, 1)


def kmeans(x, codes):
    from vector_quantize_pytorch.vector_quantize_pytorch import kmeans as reference_kmeans

    def call():
        with torch.no_grad():
            reference_kmeans(x[None], codes, 10)

    return call


def convolution(images, side, given, out, kernel, gradients):
    layer = torch.nn.Conv2d(given, out, kernel, padding="same").to(on)
    x = torch.randn(images, given, side, side, device=on, requires_grad=gradients)

    def call():
        with torch.set_grad_enabled(gradients):
            y = layer(x)
            if gradients:
                layer.zero_grad()
                x.grad = None
                y.square().sum().backward()

    return call


def autoencoder(images):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "parity" / "autoencoder"))
    import train

    model = train.build(512).to(on)
    optimizer = torch.optim.AdamW(model.parameters(), lr=train.LEARNING_RATE)
    x = torch.randn(images, 1, 28, 28, device=on).clamp(-1, 1)
    return lambda: train.step(model, optimizer, x)


faiss_side = "faiss IndexFlatL2, from and to the host" if on == "cuda" else "faiss IndexFlatL2"
for file in sorted(options.data.glob("* x *.vectors")):
    shape = file.stem
    n, dim, k = map(int, shape.split(" x "))
    vectors, book = floats(file.name, dim), floats(f"{shape}.codes", dim)
    x, codes = torch.from_numpy(vectors).to(on), torch.from_numpy(book).to(on)
    case = f"search {shape}"
    measure(case, "torch addmm+argmin", lambda: addmm(x, codes))
    measure(case, "reference eval", lambda: reference(x, codes, False))
    measure(case, faiss_side, lambda: faiss_search(vectors, book))
    measure(f"training forward {shape}", "reference train", lambda: reference(x, codes, True))

n, dim, k = (1024, 8, 16) if options.quick else (65536, 64, 1024)
if (options.data / "kmeans.vectors").exists():
    sample = torch.from_numpy(floats("kmeans.vectors", dim)).to(on)
    case = f"k-means {n} x {dim} x {k}, 10 iterations"
    measure(case, "reference kmeans", lambda: kmeans(sample, k))
for shape in json.loads((options.data / "convolutions.json").read_text()):
    name = " x ".join(map(str, shape))
    for case, gradients in (("convolution", False), ("convolution and its gradients", True)):
        measure(f"{case} {name}", "torch Conv2d", lambda: convolution(*shape, gradients))
images = 2 if options.quick else 256
measure(f"autoencoder, {images} images, 512 codes", "reference step", lambda: autoencoder(images))
