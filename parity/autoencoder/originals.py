"""Trains the reference's seven example autoencoders, to be compared with ours in examples/.

    python parity/autoencoder/originals.py --examples path/to/vector-quantize-pytorch/examples \\
        --images t10k-images-idx3-ubyte.gz --steps 300 --record runs/examples

With --record, initial weights, batches and losses are written, for `sameWeights.mjs` to train ours from. The
models are built by the examples' own functions, with their own defaults; data, batches and report
are those of examples/digits.ts: the last 1,000 images are held back, to count the codes in use. What the
examples import and their models don't need may be missing. Without x-transformers, its encoder is
replaced by one block of the same shape.
"""

import argparse
import importlib
import json
import statistics
import sys
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference import source_folder

source_folder()

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from train import read_images

HELD = 1000


class Wrapper(nn.Module):
    """What `ContinuousTransformerWrapper` is with one layer, registers and no final norm."""

    def __init__(self, *, num_memory_tokens, attn_layers, project_in, project_out):
        super().__init__()
        dim, heads, dim_head = attn_layers
        inner = heads * dim_head
        self.heads = heads
        self.project_in, self.project_out = project_in, project_out
        self.registers = nn.Parameter(torch.randn(num_memory_tokens, dim))
        self.norms = nn.ModuleList([nn.LayerNorm(dim, bias=False) for _ in range(2)])
        self.qkv, self.out = nn.Linear(dim, 3 * inner, bias=False), nn.Linear(inner, dim, bias=False)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = self.project_in(x)
        x = torch.cat([self.registers.expand(len(x), -1, -1), x], 1)
        parts = self.qkv(self.norms[0](x)).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + self.feed(self.norms[1](x))
        return self.project_out(x[:, len(self.registers):])


def encoder(*, dim, depth, heads, attn_dim_head, **_):
    assert depth == 1
    return dim, heads, attn_dim_head


def stand_in(name: str, **members) -> None:
    """A module of this name, unless there is one."""
    try:
        importlib.import_module(name)
    except ImportError:
        module = types.ModuleType(name)
        module.__dict__.update(members)
        sys.modules[name] = module


def stand_ins() -> None:
    stand_in("fire", Fire=None)
    stand_in("torchvision", datasets=None, transforms=None)
    stand_in("tqdm", auto=None)
    stand_in("tqdm.auto", trange=range)
    stand_in("x_transformers", ContinuousTransformerWrapper=Wrapper, Encoder=encoder)


def builders(module) -> dict:
    """How each example builds its model by default, its number of codes, and the weight of its loss."""
    at = module

    def fvq():
        example = at("autoencoder_fvq")
        bridge = example.VQBridgeViT(dim=256, depth=1, input_dim=32, patch_size=1, heads=4, num_registers=2)
        sgd = lambda *args, **kwargs: torch.optim.SGD(*args, **kwargs, lr=1e-3)
        return example.SimpleVQAutoEncoder(
            dim=32, vq_bridge=bridge, codebook_size=256, learnable_codebook=True,
            in_place_codebook_optimizer=sgd, ema_update=False, rotation_trick=False)

    def simvq():
        mlp = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 32))
        return at("autoencoder_sim_vq").SimpleSimVQAutoEncoder(
            dim=32, codebook_size=256, rotation_trick=True, codebook_transform=mlp)

    return {
        "vq": (lambda: at("autoencoder").SimpleVQAutoEncoder(
            dim=32, codebook_size=256, rotation_trick=True), 256, 10),
        "fsq": (lambda: at("autoencoder_fsq").SimpleFSQAutoEncoder([8, 6, 5]), 240, 1),
        "lfq": (lambda: at("autoencoder_lfq").LFQAutoEncoder(
            codebook_size=256, entropy_loss_weight=0.02, diversity_gamma=1.0, spherical=True), 256, 1),
        "simvq": (simvq, 256, 1),
        "hierarchical": (lambda: at("autoencoder_hq").SimpleHQAutoEncoder(
            dim=32, codebook_size=512, kmeans_init=True, kmeans_iters=10), 512, 10),
        "fsp": (lambda: at("autoencoder_fsp").SimpleFSPAutoEncoder([8, 6, 5]), 240, 1),
        "fvq": (fvq, 256, 10),
    }


def batches(count: int, size: int, steps: int):
    order = torch.cat([torch.randperm(count) for _ in range(1 + steps * size // count)])
    return order[:steps * size].split(size)


def used(model: nn.Module, images: torch.Tensor) -> int:
    with torch.no_grad():
        indices = model.eval()(images)[1]
    flat = indices if isinstance(indices, torch.Tensor) else torch.cat([each.flatten() for each in indices])
    return flat.unique().numel()


def train(build, weight: float, images: torch.Tensor, size: int, steps: int, seed: int, record: Path | None):
    torch.manual_seed(seed)
    model = build()
    order = batches(len(images) - HELD, size, steps)
    if record:  # after what a first batch starts, such as k-means
        model(images[order[0]])
    initial = {f"initial/{name}": value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    losses, times = [], []
    for batch in order:
        x = images[batch]
        begin = time.perf_counter()
        optimizer.zero_grad()
        out, _, *more = model(x)
        reconstruction = (out.clamp(-1.0, 1.0) - x).abs().mean()
        (reconstruction + weight * more[0] if more else reconstruction).backward()
        optimizer.step()
        times.append(1000 * (time.perf_counter() - begin))
        losses.append(reconstruction.item())
    if record:
        order = torch.stack(list(order)).int()
        save_file({**initial, "batches": order, "losses": torch.tensor(losses)}, record)
    return statistics.mean(losses[-50:]), used(model, images[-HELD:]), statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=Path, required=True, help="the folder in a clone of the reference")
    parser.add_argument("--images", required=True, help="an IDX file of images, may be gzipped")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--record", type=Path, help="a folder, for what ours is to start from")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    stand_ins()
    sys.path.insert(0, str(args.examples))
    images = read_images(args.images, None)
    if args.record:
        args.record.mkdir(parents=True, exist_ok=True)
    for name, (build, codes, weight) in builders(importlib.import_module).items():
        if args.only and name not in args.only:
            continue
        for seed in args.seeds:
            record = args.record and args.record / f"{name}-{seed}.safetensors"
            loss, count, milliseconds = train(build, weight, images, args.batch, args.steps, seed, record)
            print(json.dumps({"name": name, "seed": seed, "reconstruction": round(loss, 4),
                              "used": round(count / codes, 3), "milliseconds": round(milliseconds, 1)}),
                  flush=True)


if __name__ == "__main__":
    main()
