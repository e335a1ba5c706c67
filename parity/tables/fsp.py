"""Cases of FSP: one line each. Levels 8, 5, 5 and their 3 features unless an entry says otherwise.

With a `quantize_rate` below 1 the reference draws which values it rounds; what is recorded in training
has the rate 1. Its loss in evaluation is not recorded: ours has losses in training only.
"""

import torch

from case import FORWARDS, Case, Step, call, earlier, forward, randint


def distance_from_edges(module, x) -> float:
    """The smallest distance, in bins, of a value from the edge of its bin."""
    if module.channel_first:
        x = x.movedim(1, -1)
    with torch.no_grad():
        bins = module.act_func(module.project_in(x)) * module._levels
    # Values at the ends have no further bin to fall into.
    return torch.where((bins < 0.5) | (bins > module._levels - 0.5), 0.5, (bins - bins.round()).abs()).min().item()


def call_fsp(module, arguments):
    quantized, indices, loss, _ = module(arguments["x"])
    loss = loss if module.training else torch.zeros(())
    return {"quantized": quantized, "indices": indices, "loss": loss, "losses/norm": loss}


FORWARDS["FSP"] = call_fsp


def fsp(name, options=None, *, x=(2, 12, 3), levels=(8, 5, 5), steps=None, evaluate=False, **rest):
    options = {"levels": list(levels), **({} if evaluate else {"quantize_rate": 1.0}), **(options or {})}
    steps = tuple(steps or (forward(),))
    return Case(f"fsp-{name}", "FSP", options, x, not evaluate, steps, margin=distance_from_edges, **rest)


INVERSE = {"need_inv_act": True}
PROJECTED = {"dim": 7}
DISTRIBUTIONS = ("tanh", "sigmoid", "normal", "laplace", "cauchy")


def decode(high, *shape) -> Step:
    return call("indices_to_codes", indices=randint(high, *shape))


FSP = [
    *(fsp(f"{name}-train", {"act_name": name}) for name in DISTRIBUTIONS),
    *(fsp(f"{name}-eval", {"act_name": name}, evaluate=True) for name in DISTRIBUTIONS),
    *(fsp(f"{name}-inverse-train", {"act_name": name} | INVERSE) for name in DISTRIBUTIONS),
    *(fsp(f"{name}-inverse-eval", {"act_name": name} | INVERSE, evaluate=True) for name in DISTRIBUTIONS),
    *(fsp(f"{name}-inverse-decode", {"act_name": name} | INVERSE, levels=(33, 8), x=(2, 12, 2), steps=[decode(264, 2, 12)], evaluate=True) for name in DISTRIBUTIONS),
    *(fsp(f"norm-{name.replace('_', '-')}-train", {"vector_norm": name}) for name in ("none", "var", "kurt", "var_tanh", "var_sigmoid", "var_laplace")),
    fsp("large-input-train", scale=20.0),
    fsp("rate-half-eval", {"quantize_rate": 0.5}, evaluate=True),
    fsp("binary-train", levels=(2, 2, 2)),
    fsp("projected-train", PROJECTED, x=(2, 12, 7)),
    fsp("projected-eval", PROJECTED, x=(2, 12, 7), evaluate=True),
    fsp("projected-inverse-train", PROJECTED | INVERSE, x=(2, 12, 7)),
    fsp("projected-without-bias-train", PROJECTED | {"projection_has_bias": False}, x=(2, 12, 7)),
    fsp("channel-first-train", {"channel_first": True}, x=(2, 3, 12)),
    fsp("channel-first-image-eval", {"channel_first": True}, x=(2, 3, 4, 5), evaluate=True),
    fsp("channel-last-image-train", x=(2, 3, 4, 3)),
    fsp("decode", steps=[decode(200, 2, 12)], evaluate=True),
    fsp("decode-projected", PROJECTED, steps=[decode(200, 2, 12)], evaluate=True),
    fsp("decode-channel-first", {"channel_first": True}, steps=[decode(200, 2, 12)], x=(2, 3, 12), evaluate=True),
    fsp("decode-output", PROJECTED, x=(2, 12, 7), steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
    fsp("level-indices", steps=[call("indices_to_level_indices", indices=randint(200, 2, 12))], evaluate=True),
]
