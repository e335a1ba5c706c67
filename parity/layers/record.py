"""Records what PyTorch's layers do, as a file that a test compares our layers with.

    python parity/layers/record.py            writes parity/layers/cases.safetensors
    python parity/layers/record.py --check    records into memory; exit code 1 if the file differs

The options of a case are ours, beside the call of PyTorch's that means the same.
Everything is in PyTorch's layout and computed in float64 from float32 numbers.
"""

import argparse
import json
import math
import random
import sys
import zlib
from functools import partial
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F

TORCH = "2.13.0"
FILE = Path(__file__).parent / "cases.safetensors"


def pair(value):
    return list(value) if isinstance(value, list) else [value, value]


def extent(size, dilation):
    return (size - 1) * dilation + 1


def conv1d(x, weight, bias=None, *, kernelSize, stride, dilation, padding, groups):
    reach = extent(kernelSize, dilation) - 1
    zeros = {"same": [reach // 2, reach // 2], "valid": [0, 0], "causal": [reach, 0]}
    front, behind = zeros[padding] if isinstance(padding, str) else pair(padding)
    return F.conv1d(F.pad(x, (front, behind)), weight, bias, stride, 0, dilation, groups)


def conv2d(x, weight, bias=None, *, kernelSize, stride, dilation, padding, groups, upsample=1):
    reach = [extent(k, d) - 1 for k, d in zip(pair(kernelSize), pair(dilation))]
    zeros = {"same": [each // 2 for each in reach], "valid": 0}
    given = zeros[padding] if isinstance(padding, str) else padding
    if upsample > 1:
        x = F.interpolate(x, scale_factor=upsample, mode="nearest")
    return F.conv2d(x, weight, bias, stride, given, dilation, groups)


def conv_transpose1d(
    x, weight, bias=None, *, kernelSize, stride, dilation, padding, groups, outputPadding=0
):
    causal = padding == "causal"
    cut = 0 if causal else padding
    y = F.conv_transpose1d(x, weight, None, stride, cut, outputPadding, groups, dilation)
    if causal:  # where the kernel is shorter than the stride, zeros follow the last
        y = F.pad(y, (0, stride))[..., : x.shape[-1] * stride]
    return y if bias is None else y + bias[:, None]


def conv_transpose2d(
    x, weight, bias=None, *, kernelSize, stride, dilation, padding, groups, outputPadding=0
):
    return F.conv_transpose2d(x, weight, bias, stride, padding, outputPadding, groups, dilation)


def convolution_cases(draw: random.Random, dims: int, transposed: bool, count: int):
    """Options and shapes that fit together, drawn from a grid; every one is another."""

    def each(choices):
        first = draw.choice(choices)
        if dims == 1 or draw.random() < 0.5:
            return first
        return [first, draw.choice(choices)]

    found = []
    while len(found) < count:
        groups = draw.choice([1, 1, 1, 2, 3])
        depthwise = draw.random() < 0.15
        inside, outside = (1, draw.choice([1, 2])) if depthwise else draw.choices([1, 2, 3, 8], k=2)
        options = {
            "inChannels": groups * inside,
            "outChannels": groups * outside,
            "groups": groups,
            "kernelSize": each([1, 2, 3, 4, 5, 7] if dims == 1 else [1, 2, 3, 4, 5]),
            "stride": each([1, 1, 2, 3, 4]),
            "dilation": each([1, 1, 2, 3]),
            "bias": draw.random() < 0.7,
        }
        sizes, strides, dilations = (
            pair(options[name])[:dims] for name in ("kernelSize", "stride", "dilation")
        )
        extents = [extent(*both) for both in zip(sizes, dilations)]
        words = ["causal"] if dims == 1 else []
        words += [] if transposed else ["same", "valid"]
        numbers = [draw.randrange(each_extent) for each_extent in extents]
        options["padding"] = draw.choice([*words, numbers if dims == 2 else numbers[0]])
        if dims == 1 and not transposed and draw.random() < 0.2:
            options["padding"] = [draw.randrange(extents[0]), draw.randrange(extents[0])]
        if options["padding"] == "same" and any(each_extent % 2 == 0 for each_extent in extents):
            continue
        if transposed and options["padding"] != "causal" and draw.random() < 0.5:
            longer = [draw.randrange(max(both)) for both in zip(strides, dilations)]
            options["outputPadding"] = longer if dims == 2 else longer[0]
        most = {(1, False): 20, (2, False): 10, (1, True): 8, (2, True): 5}[dims, transposed]
        lengths = [draw.randrange(1, most) for _ in range(dims)]
        shape = [draw.choice([1, 2, 3]), options["inChannels"], *lengths]
        weights = options["outChannels"] * inside * math.prod(sizes)
        if weights <= 1000 and room(options, lengths, extents, transposed):
            found.append((options, shape))
    return found


def room(options, lengths, extents, transposed):
    """Whether there is at least one output on each axis, and not too many."""
    padding = options["padding"]
    if padding == "same" or padding == "causal":
        return True
    both = [0, 0] if padding == "valid" else pair(padding)
    strides, longer = pair(options["stride"]), pair(options.get("outputPadding", 0))
    for at, (length, each) in enumerate(zip(lengths, extents)):
        zeros = sum(both) if len(lengths) == 1 else 2 * both[at]
        if transposed and (length - 1) * strides[at] + each - zeros + longer[at] < 1:
            return False
        if not transposed and length + zeros < each:
            return False
    return True


CONVOLUTIONS = {
    "conv1d": (conv1d, 1, False, 36),
    "conv2d": (conv2d, 2, False, 32),
    "convTranspose1d": (conv_transpose1d, 1, True, 24),
    "convTranspose2d": (conv_transpose2d, 2, True, 22),
}

def other_cases():
    """Name, our configuration, the shape of the input, the shapes of the parameters, the function."""
    activations = {
        "elu": ({"alpha": 0.7}, lambda x: F.elu(x, 0.7)),
        "gelu": ({}, F.gelu),
        "leakyRelu": ({"slope": 0.2}, lambda x: F.leaky_relu(x, 0.2)),
        "relu": ({}, F.relu),
        "sigmoid": ({}, torch.sigmoid),
        "silu": ({}, F.silu),
        "tanh": ({}, torch.tanh),
    }
    for name, (options, run) in activations.items():
        yield name, {"type": name, **options}, [4, 33], {}, run
    for at, shape in enumerate(([2, 5, 7], [3, 1, 4], [2, 3, 4, 3])):
        config = {"type": "snake", "channels": shape[1]}
        yield f"snake-{at}", config, shape, {"alpha": [shape[1]]}, snake
    for at, (groups, shape) in enumerate(GROUP_NORMS):
        config = {"type": "groupNorm", "groups": groups, "channels": shape[1], "eps": 1e-3}
        run = partial(F.group_norm, num_groups=groups, eps=1e-3)
        parameters = {"weight": [shape[1]], "bias": [shape[1]]}
        yield f"groupNorm-{at}", config, shape, parameters, run
    for at, (window, stride, shape) in enumerate(POOLS):
        options = {"window": window} | ({} if stride is None else {"stride": stride})
        dims = len(shape) - 2
        for name, runs in (("maxPool", MAX_POOLS), ("avgPool", AVG_POOLS)):
            run = partial(runs[dims], kernel_size=window, stride=stride)
            yield f"{name}-{at}", {"type": name, **options}, shape, {}, run


def batch_norms():
    """Name, configuration, shape of the input, whether in training."""
    for at, (momentum, shape) in enumerate(((0.1, [6, 3]), (0.3, [2, 4, 5]), (0.1, [3, 2, 4, 3]))):
        config = {"type": "batchNorm", "channels": shape[1], "momentum": momentum, "eps": 1e-3}
        for training in (True, False):
            yield f"batchNorm-{at}-{'train' if training else 'eval'}", config, shape, training


def snake(x, alpha):
    """Descript Audio Codec's `snake`."""
    alpha = alpha.reshape([-1] + [1] * (x.dim() - 2))
    return x + (alpha + 1e-9).reciprocal() * torch.sin(alpha * x).pow(2)


# Groups, shape of the input.
GROUP_NORMS = (
    (1, [2, 4, 9]),
    (2, [3, 6, 3, 5]),
    (3, [2, 3, 2, 2]),
    (2, [1, 4, 1100]),
    (2, [5, 4]),
)
# Window, stride, shape of the input.
POOLS = (
    (2, None, [2, 3, 4, 6]),
    ([3, 1], None, [1, 2, 6, 4]),
    ([1, 4], None, [2, 1, 3, 8]),
    (3, 2, [2, 2, 8, 7]),
    (2, 3, [1, 3, 7, 8]),
    ([3, 2], [1, 2], [2, 2, 5, 7]),
    (5, 1, [1, 2, 5, 6]),
    (3, None, [2, 3, 9]),
    (4, 2, [2, 3, 11]),
    (2, 5, [1, 4, 14]),
)
MAX_POOLS = {1: F.max_pool1d, 2: F.max_pool2d}
AVG_POOLS = {1: F.avg_pool1d, 2: F.avg_pool2d}


def cases():
    """Name, our configuration, the shape of the input, the shapes of the parameters, the function."""
    for name, (run, dims, transposed, count) in CONVOLUTIONS.items():
        draw = random.Random(name)
        drawn = convolution_cases(draw, dims, transposed, count)
        if name == "conv2d":
            drawn += enlarged()
        for at, (options, shape) in enumerate(drawn):
            yield f"{name}-{at}", {"type": name, **options}, shape, shapes(options, dims, transposed), called(run, options)
    yield from other_cases()


def enlarged():
    """`conv2d` behind a nearest neighbour enlargement."""
    for size, factor in ((3, 2), (3, 3), (5, 2)):
        options = {"inChannels": 2, "outChannels": 3, "groups": 1, "kernelSize": size, "stride": 1}
        options |= {"dilation": 1, "bias": True, "padding": "same", "upsample": factor}
        yield options, [2, 2, 3, 4]


def shapes(options, dims, transposed):
    inside, outside = options["inChannels"], options["outChannels"]
    groups = options["groups"]
    first = [inside, outside // groups] if transposed else [outside, inside // groups]
    found = {"weight": [*first, *pair(options["kernelSize"])[:dims]]}
    if options["bias"]:
        found["bias"] = [outside]
    return found


def called(run, options):
    own = {key: value for key, value in options.items() if key not in ("inChannels", "outChannels", "bias")}
    return lambda x, **params: run(x, **params, **own)


def record_call(name, shape, parameters, run, tensors):
    """Runs `run` on random inputs and keeps all there is to compare."""
    x = torch.randn(shape)
    params = {key: torch.randn(of) for key, of in parameters.items()}
    inputs = [each.double().requires_grad_() for each in (x, *params.values())]
    y = run(inputs[0], **dict(zip(params, inputs[1:])))
    weight = torch.randn(y.shape)
    gradients = torch.autograd.grad((y * weight.double()).sum(), inputs)
    tensors[f"{name}/x"] = x
    tensors[f"{name}/y"] = y.detach().float()
    tensors[f"{name}/weight"] = weight
    for key, gradient in zip(("x", *params), gradients):
        tensors[f"{name}/grad/{key}"] = gradient.float()
    for key, value in params.items():
        tensors[f"{name}/params/{key}"] = value


def record_batch_norm(name, config, shape, training, tensors):
    torch.manual_seed(zlib.crc32(name.encode()))
    channels, momentum, eps = config["channels"], config["momentum"], config["eps"]
    mean, variance = torch.randn(channels), torch.rand(channels) + 0.5
    tensors[f"{name}/state/mean"], tensors[f"{name}/state/variance"] = mean, variance
    running = mean.double(), variance.double()

    def run(x, weight, bias):
        return F.batch_norm(x, *running, weight, bias, training, momentum, eps)

    record_call(name, shape, {"weight": [channels], "bias": [channels]}, run, tensors)
    if training:
        tensors[f"{name}/after/mean"], tensors[f"{name}/after/variance"] = (
            each.float() for each in running
        )


def record():
    described, tensors = {}, {}
    for name, config, shape, parameters, run in cases():
        described[name] = config
        torch.manual_seed(zlib.crc32(name.encode()))
        record_call(name, shape, parameters, run, tensors)
    for name, config, shape, training in batch_norms():
        described[name] = config
        record_batch_norm(name, config, shape, training, tensors)
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    # One entry: the library writes several in any order.
    return safetensors.torch.save(tensors, {"cases": json.dumps(described)})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    if torch.__version__.split("+")[0] != TORCH:
        sys.exit(f"record.py: expected torch {TORCH}, got {torch.__version__}")
    torch.set_num_threads(1)
    data = record()
    if not check:
        FILE.write_bytes(data)
    elif FILE.read_bytes() != data:
        sys.exit(f"{FILE.name} differs from what PyTorch does")


if __name__ == "__main__":
    main()
