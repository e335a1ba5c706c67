"""Cases of FSQ: one line each. Levels 8, 5, 5 and their 3 features unless an entry says otherwise."""

import torch

from case import FORWARDS, Case, Produced, Step, call, earlier, forward, randint


def rounding(module, x) -> float:
    """The smallest distance of a bounded value from where it would be rounded otherwise."""
    seen = []
    quantize = module.quantize
    module.quantize = lambda z: seen.append(z.detach()) or quantize(z)
    with torch.no_grad():
        module(x)
    del module.quantize
    z, levels = seen[0], module._levels
    squash = (lambda t: t.clamp(-1, 1)) if module.bound_hard_clamp else torch.tanh
    if module.preserve_symmetry:
        value = (levels - 1) * (squash(z) + 1) / 2
    else:
        half = (levels - 1) * (1 + 1e-3) / 2
        offset = torch.where(levels % 2 == 0, 0.5, 0.0)
        shift = offset / half if module.bound_hard_clamp else (offset / half).atanh()
        value = squash(z + shift) * half - offset
    return ((value - value.floor()) - 0.5).abs().min().item()


def call_fsq(module, arguments):
    quantized, indices = module(arguments["x"])
    return {"quantized": quantized, "indices": indices, "loss": torch.zeros(())}


FORWARDS["FSQ"] = call_fsq


def fsq(name, options=None, *, x=(2, 12, 3), levels=(8, 5, 5), steps=None, evaluate=False, **rest):
    options = {"levels": list(levels), **(options or {})}
    return Case(f"fsq-{name}", "FSQ", options, x, not evaluate, tuple(steps or (forward(),)), margin=rounding, **rest)


SYMMETRIC = {"preserve_symmetry": True}
CLAMPED = {"bound_hard_clamp": True}
ROTATED = {"orthogonal_rotation": True}
TWO = {"num_codebooks": 2}
PROJECTED = {"dim": 7}


def decode(high, *shape) -> Step:
    return call("indices_to_codes", indices=randint(high, *shape))


def result_of(step: int) -> Produced:
    """The codes that an earlier step decoded."""
    return Produced(lambda case, generator, tensors: tensors[f"step{step}/out/result"])


FSQ = [
    fsq("train"),
    fsq("eval", evaluate=True),
    fsq("large-input-train", scale=20.0),
    fsq("small-input-train", scale=0.1),
    fsq("even-train", levels=(4, 6, 8)),
    fsq("odd-train", levels=(3, 5, 7)),
    fsq("many-levels-train", levels=(16, 33), x=(2, 12, 2)),
    fsq("one-dimension-train", levels=(5,), x=(2, 12, 1)),
    fsq("million-codes-eval", levels=(8, 8, 8, 8, 8, 5, 5), x=(2, 12, 7), evaluate=True),
    fsq("symmetric-train", SYMMETRIC),
    fsq("symmetric-eval", SYMMETRIC, evaluate=True),
    fsq("symmetric-binary-train", SYMMETRIC, levels=(2, 2, 2, 2), x=(2, 12, 4)),
    fsq("symmetric-projected-train", SYMMETRIC | PROJECTED, x=(2, 12, 7)),
    fsq("noise-eval", SYMMETRIC | {"noise_dropout": 0.5}, evaluate=True),
    fsq("clamped-train", CLAMPED),
    fsq("clamped-eval", CLAMPED, evaluate=True),
    fsq("clamped-symmetric-train", CLAMPED | SYMMETRIC),
    fsq("clamped-symmetric-eval", CLAMPED | SYMMETRIC, evaluate=True),
    fsq("projected-train", PROJECTED, x=(2, 12, 7)),
    fsq("projected-eval", PROJECTED, x=(2, 12, 7), evaluate=True),
    fsq("projected-without-bias-train", PROJECTED | {"projection_has_bias": False}, x=(2, 12, 7)),
    fsq("rotated-train", ROTATED, levels=(5, 5, 5)),
    fsq("rotated-eval", ROTATED, levels=(5, 5, 5), evaluate=True),
    fsq("rotated-projected-train", ROTATED | PROJECTED, levels=(5, 5, 5), x=(2, 12, 7)),
    fsq("codebooks-train", TWO, x=(2, 12, 6)),
    fsq("codebooks-eval", TWO, x=(2, 12, 6), evaluate=True),
    fsq("codebooks-projected-train", TWO | PROJECTED, x=(2, 12, 7)),
    fsq("codebooks-rotated-train", TWO | ROTATED, levels=(5, 5, 5), x=(2, 12, 6)),
    fsq("codebooks-image-train", TWO, x=(2, 6, 3, 4)),
    fsq("codebook-axis-kept-eval", {"keep_num_codebooks_dim": True}, evaluate=True),
    fsq("channel-first-train", {"channel_first": True}, x=(2, 3, 12)),
    fsq("channel-first-eval", {"channel_first": True}, x=(2, 3, 12), evaluate=True),
    fsq("image-train", x=(2, 3, 4, 5)),
    fsq("image-eval", x=(2, 3, 4, 5), evaluate=True),
    fsq("image-projected-train", PROJECTED, x=(2, 7, 4, 5)),
    fsq("video-train", x=(2, 3, 2, 3, 4)),
    fsq("decode", steps=[decode(200, 2, 12)], evaluate=True),
    fsq("decode-symmetric", SYMMETRIC, steps=[decode(200, 2, 12)], evaluate=True),
    fsq("decode-projected", PROJECTED, steps=[decode(200, 2, 12)], evaluate=True),
    fsq("decode-rotated", ROTATED, levels=(5, 5, 5), steps=[decode(125, 2, 12)], evaluate=True),
    fsq("decode-codebooks", TWO, steps=[decode(200, 2, 12, 2)], evaluate=True),
    fsq("decode-image", x=(2, 3, 4, 5), steps=[decode(200, 2, 4, 5)], evaluate=True),
    fsq("decode-output", PROJECTED, x=(2, 12, 7), steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
    fsq("level-indices", steps=[call("indices_to_level_indices", indices=randint(200, 2, 12))], evaluate=True),
    fsq("codes-to-indices", steps=[decode(200, 2, 12), call("codes_to_indices", zhat=result_of(0))], evaluate=True),
    fsq("codes-to-indices-symmetric", SYMMETRIC, steps=[decode(200, 2, 12), call("codes_to_indices", zhat=result_of(0))], evaluate=True),
]
