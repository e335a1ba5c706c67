"""Trains the reference's example autoencoder on MNIST, and writes down how it went.

    python parity/autoencoder/train.py --images t10k-images-idx3-ubyte.gz --out runs/autoencoder
    python parity/autoencoder/train.py --images ... --serve     answers timing requests, see README.md

The model, the data's range and the hyper-parameters are those of `examples/autoencoder.py` of the
reference, 1.31.0. For each seed it writes `seed-<n>.safetensors`: the initial weights, the images of
each batch in order, and both losses of each step.
"""

import argparse
import gzip
import json
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference import VERSION, source_folder

source_folder()

import numpy as np
import torch
from einops import rearrange
from safetensors.torch import load_file, save_file
from torch import nn
from vector_quantize_pytorch import Sequential, VectorQuantize

STEPS, BATCH, LEARNING_RATE, ALPHA = 1000, 256, 3e-4, 10
DIM, CODES = 32, 256
TRAINING_IMAGES = 9000


def read_images(path: str, most: int | None = TRAINING_IMAGES) -> torch.Tensor:
    """The first images of an IDX file, or all, as [N, 1, H, W] in [-1, 1]."""
    raw = gzip.open(path).read() if path.endswith(".gz") else Path(path).read_bytes()
    _, count, height, width = struct.unpack(">IIII", raw[:16])
    pixels = np.frombuffer(raw, np.uint8, offset=16).reshape(count, 1, height, width)
    return (torch.from_numpy(pixels[:most].copy()).float() / 255 - 0.5) / 0.5


def quantizer(codes: int, **options) -> nn.Module:
    return VectorQuantize(dim=DIM, codebook_size=codes, rotation_trick=True, straight_through=False,
                          directional_reparam=False, **options)


def build(codes: int = CODES) -> nn.Module:
    return Sequential(
        nn.Conv2d(1, 16, kernel_size=3, stride=1, padding=1),
        nn.MaxPool2d(kernel_size=2, stride=2),
        nn.GELU(),
        nn.Conv2d(16, 32, kernel_size=3, stride=1, padding=1),
        nn.MaxPool2d(kernel_size=2, stride=2),
        quantizer(codes, accept_image_fmap=True),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(32, 16, kernel_size=3, stride=1, padding=1),
        nn.GELU(),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(16, 1, kernel_size=3, stride=1, padding=1),
    )


class Patches(nn.Module):
    """As many codes per image from patches of 4 x 4 pixels, by matrix products alone."""

    def __init__(self, codes: int, hidden: int = 128):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(16, hidden), nn.GELU(), nn.Linear(hidden, DIM))
        self.quantizer = quantizer(codes)
        self.decoder = nn.Sequential(nn.Linear(DIM, hidden), nn.GELU(), nn.Linear(hidden, 16))

    def forward(self, x: torch.Tensor):
        patches = rearrange(x, "b 1 (h i) (w j) -> b (h w) (i j)", i=4, j=4)
        quantized, indices, loss = self.quantizer(self.encoder(patches))
        out = rearrange(self.decoder(quantized), "b (h w) (i j) -> b 1 (h i) (w j)", h=7, i=4)
        return out, indices, loss


class Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
                                    nn.ReLU(), nn.Conv2d(width, width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class Default(nn.Module):
    """The model that `vq train` builds by default, as one would write it here."""

    def __init__(self, codes: int, width: int = 32, code_dim: int = 8):
        super().__init__()
        self.encoder = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, width, 1), Block(width))
        self.inwards = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, code_dim))
        self.quantizer = VectorQuantize(dim=code_dim, codebook_size=codes, decay=0.9, commitment_weight=0.25,
                                        threshold_ema_dead_code=3.2, rotation_trick=False,
                                        straight_through=True, directional_reparam=False)
        self.decoder = nn.Sequential(nn.Conv2d(code_dim, width, 1), Block(width), nn.Conv2d(width, 12, 1),
                                     nn.PixelShuffle(2))

    def forward(self, x: torch.Tensor):
        h = self.encoder(x)
        vectors = self.inwards(h.flatten(2).transpose(1, 2))
        quantized, indices, loss = self.quantizer(vectors)
        out = self.decoder(quantized.transpose(1, 2).unflatten(2, h.shape[2:]))
        return out, indices, loss


def coloured(images: torch.Tensor) -> torch.Tensor:
    """Digits as images of 32 x 32 in three channels."""
    return nn.functional.pad(images, (2, 2, 2, 2), value=-1.0).repeat(1, 3, 1, 1)


def batches(count: int, steps: int):
    """Image numbers of each batch: shuffled anew each epoch, the last batch of an epoch smaller."""
    done = 0
    while True:
        for batch in torch.randperm(count).split(BATCH):
            if done == steps:
                return
            done += 1
            yield batch


def step(model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor) -> tuple[float, float]:
    optimizer.zero_grad()
    out, _, commitment = model(x)
    reconstruction = (out.clamp(-1.0, 1.0) - x).abs().mean()
    (reconstruction + ALPHA * commitment).backward()
    optimizer.step()
    return reconstruction.item(), commitment.item()


def train(images: torch.Tensor, seed: int, steps: int, out: Path, start: Path | None) -> None:
    torch.manual_seed(seed)
    model = build()
    if start is not None:
        found = model.load_state_dict(load_file(start / f"initial-{seed}.safetensors"), strict=False)
        assert not found.unexpected_keys, found.unexpected_keys
        assert all(name.endswith("initted") for name in found.missing_keys), found.missing_keys
    initial = {f"initial/{name}": value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    order, losses, times = [], [], []
    for batch in batches(len(images), steps):
        x = images[batch]
        begin = time.perf_counter()
        losses.append(step(model, optimizer, x))
        times.append(1000 * (time.perf_counter() - begin))
        order.append(batch)
        if len(losses) % 100 == 0:
            print(f"seed {seed} step {len(losses)}: reconstruction {losses[-1][0]:.4f} "
                  f"commitment {losses[-1][1]:.5f}", flush=True)
    reconstruction, commitment = zip(*losses)
    save_file(
        {
            **{name: value.float().contiguous() for name, value in initial.items()},
            "batch/sizes": torch.tensor([len(batch) for batch in order], dtype=torch.int32),
            "batch/images": torch.cat(order).int(),
            "loss/reconstruction": torch.tensor(reconstruction),
            "loss/commitment": torch.tensor(commitment),
        },
        out / f"seed-{seed}.safetensors",
        metadata={
            "reference": VERSION, "torch": torch.__version__, "seed": str(seed),
            "milliseconds": f"{np.median(times):.1f}", "threads": str(torch.get_num_threads()),
        },
    )


def serve(images: torch.Tensor, codes: int, which: str, channels_last: bool) -> None:
    """Answers each line of stdin, a number of steps, with the milliseconds of each as JSON."""
    torch.manual_seed(0)
    model = {"convolutions": build, "patches": Patches, "default": Default}[which](codes)
    count = 64 if which == "default" else BATCH
    if which == "default":
        images = coloured(images)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            x = images[torch.randperm(len(images))[:count]]
            if channels_last:
                x = x.contiguous(memory_format=torch.channels_last)
            begin = time.perf_counter()
            step(model, optimizer, x)
            times.append(1000 * (time.perf_counter() - begin))
        print(json.dumps(times), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--images", required=True, help="an IDX file of images, may be gzipped")
    parser.add_argument("--out", type=Path, default=Path("runs/autoencoder"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--initial", type=Path, help="a folder of `compare.mjs initial`, to start from")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--codes", type=int, default=CODES, help="codebook size, with --serve")
    parser.add_argument("--model", choices=["convolutions", "patches", "default"], default="convolutions",
                        help="the one of patches, or that of `vq train`, with --serve")
    parser.add_argument("--channels-last", action="store_true", help="that memory format, with --serve")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    images = read_images(args.images)
    if args.serve:
        serve(images, args.codes, args.model, args.channels_last)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    for seed in args.seeds:
        train(images, seed, args.steps, args.out, args.initial)


if __name__ == "__main__":
    main()
