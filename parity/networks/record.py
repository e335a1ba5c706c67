"""Records whole PyTorch networks, as a file that a test compares ours with: weights, input, output, indices.

    python parity/networks/record.py EXAMPLES            writes parity/networks/cases.safetensors
    python parity/networks/record.py EXAMPLES --check    compares instead; exit code 1 if it differs

EXAMPLES is the folder of the reference's example autoencoders, in a checkout of its sources; what they
import for their data and their command line is not needed. Each network takes a few steps of training
first, so that no tensor is as it started.
"""

import argparse
import importlib.util
import sys
import types
import zlib
from pathlib import Path

import safetensors.torch
import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm
from vector_quantize_pytorch import Sequential, VectorQuantize

TORCH = "2.13.0"
FILE = Path(__file__).parent / "cases.safetensors"


class Anything(types.ModuleType):
    """Stands for a module whose contents nobody looks at."""

    __path__ = []

    def __getattr__(self, name):
        return type(name, (), {})


def example(folder, name):
    """The module of an example, without what it trains with."""
    for missing in ["fire", "tqdm", "tqdm.auto", "torchvision", "x_transformers"]:
        sys.modules.setdefault(missing, Anything(missing))
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def examples(folder):
    """The reference's examples by name, as their `train` builds them, of fewer codes."""
    codes = {"codebook_size": 32}

    def mlp():
        return nn.Sequential(nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, 32))

    def sgd(*args, **kwargs):
        return torch.optim.SGD(*args, **kwargs, lr=1e-3)

    yield "vq", lambda: example(folder, "autoencoder").SimpleVQAutoEncoder(
        dim=32, rotation_trick=True, straight_through=False, directional_reparam=False, **codes
    )
    yield "fsp", lambda: example(folder, "autoencoder_fsp").SimpleFSPAutoEncoder([8, 6, 5])
    yield "fsq", lambda: example(folder, "autoencoder_fsq").SimpleFSQAutoEncoder([8, 6, 5])
    yield "fvq", lambda: example(folder, "autoencoder_fvq").SimpleVQAutoEncoder(
        dim=32,
        vq_bridge=nn.Linear(32, 32),
        rotation_trick=False,
        learnable_codebook=True,
        in_place_codebook_optimizer=sgd,
        ema_update=False,
        **codes,
    )
    yield "hq", lambda: example(folder, "autoencoder_hq").SimpleHQAutoEncoder(
        dim=32, scales=(1, 2, 4), kmeans_init=True, kmeans_iters=10, **codes
    )
    yield "lfq", lambda: example(folder, "autoencoder_lfq").LFQAutoEncoder(
        256, entropy_loss_weight=0.02, diversity_gamma=1.0, spherical=True
    )
    yield "simVQ", lambda: example(folder, "autoencoder_sim_vq").SimpleSimVQAutoEncoder(
        dim=32, rotation_trick=True, codebook_transform=mlp(), **codes
    )


class Snake(nn.Module):
    """DAC's `Snake1d`."""

    def __init__(self, channels):
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, x):
        return x + (self.alpha + 1e-9).reciprocal() * torch.sin(self.alpha * x).pow(2)


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.layers(x)


def channels_last(layer):
    """The layer, for an input with channels second."""
    forward = layer.forward
    layer.forward = lambda x: forward(x.movedim(1, -1)).movedim(-1, 1)
    return layer


def sound():
    """Series, with every layer that has weights, and weight norm of both kinds."""
    return Sequential(
        weight_norm(nn.Conv1d(2, 8, 4, stride=2, padding=1)),
        Snake(8),
        nn.BatchNorm1d(8),
        Residual(parametrizations.weight_norm(nn.Conv1d(8, 8, 3, padding=1, groups=2)), nn.ELU()),
        channels_last(nn.Linear(8, 6)),
        VectorQuantize(dim=6, codebook_size=16, channel_last=False),
        channels_last(nn.LayerNorm(6)),
        parametrizations.weight_norm(nn.ConvTranspose1d(6, 4, 4, stride=2, padding=1)),
        nn.GroupNorm(2, 4),
        nn.Conv1d(4, 2, 1, bias=False),
    )


def images():
    """The layers of images that the examples lack."""
    return Sequential(
        nn.Conv2d(3, 8, (3, 2), stride=2, padding=(1, 0), groups=1),
        nn.BatchNorm2d(8, affine=False),
        nn.LeakyReLU(0.2),
        VectorQuantize(dim=8, codebook_size=16, accept_image_fmap=True),
        nn.ConvTranspose2d(8, 4, (3, 2), stride=2, padding=(1, 0), output_padding=(1, 0), groups=2),
        nn.SiLU(),
        nn.Conv2d(4, 3, 1),
    )


def record(name, make, shape):
    torch.manual_seed(zlib.crc32(name.encode()))
    network = make().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for _ in range(4):
        x = torch.rand(shape)
        out, _, *losses = network(x)
        loss = (out - x).abs().mean() + sum(each.sum() for each in losses[:1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = torch.rand(shape)
    with torch.no_grad():
        out, indices, *_ = network.eval()(x)
    if isinstance(indices, (list, tuple)):  # the scales of HierarchicalVQ
        indices = torch.cat([each.reshape(each.shape[0], -1) for each in indices], 1)
    tensors = {"x": x, "y": out, "indices": indices}
    tensors |= {f"state/{key}": value for key, value in network.state_dict().items()}
    return {f"{name}/{key}": stored(value) for key, value in tensors.items()}


def stored(tensor):
    tensor = tensor.detach().contiguous().clone()
    return tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("examples", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if torch.__version__.split("+")[0] != TORCH:
        raise SystemExit(f"expected torch {TORCH}, got {torch.__version__}")
    torch.set_num_threads(1)
    cases = [(name, make, (2, 1, 16, 16)) for name, make in examples(arguments.examples)]
    cases += [("sound", sound, (2, 2, 20)), ("images", images, (2, 3, 8, 8))]
    tensors = {}
    for case in cases:
        tensors |= record(*case)
    if not arguments.check:
        safetensors.torch.save_file(tensors, FILE)
        return
    known = safetensors.torch.load_file(FILE)
    differs = known.keys() != tensors.keys() or any(
        not torch.allclose(known[name].double(), tensors[name].double(), rtol=1e-4, atol=1e-6)
        for name in known
    )
    if differs:
        raise SystemExit(f"{FILE} differs from what was recorded")


if __name__ == "__main__":
    main()
