"""Cases of ResidualFSQ, ResidualLFQ and their grouped classes: one line each.

Levels 5, 5, 5 and 16 codes, and 3 layers, unless an entry says otherwise. Channel-first input of
ResidualFSQ is left out, since the reference then gives indices that it can't decode, and so are
masks of ResidualLFQ, with which its entropies are wrong.
"""

import torch

from case import FORWARDS, Case, call, earlier, forward, tensor


def rounding(module, x) -> float:
    """The smallest distance of any layer's value from where it would be rounded otherwise."""
    gaps, undo = [], []
    for layer in module.modules():
        if type(layer).__name__ == "FSQ":
            def watched(z, layer=layer, quantize=layer.quantize):
                squash = (lambda t: t.clamp(-1, 1)) if layer.bound_hard_clamp else torch.tanh
                value = (layer._levels - 1) * (squash(z.detach()) + 1) / 2
                gaps.append((value - value.floor() - 0.5).abs().min().item())
                return quantize(z)

            layer.quantize = watched
            undo.append((layer, "quantize"))
        if type(layer).__name__ == "LFQ":
            def measured(t, normalise=layer.maybe_l2norm):
                gaps.append(t.detach().abs().min().item())
                return normalise(t)

            undo.append((layer, layer.maybe_l2norm))
            layer.maybe_l2norm = measured
    state = torch.get_rng_state()
    with torch.no_grad():
        module(x)
    torch.set_rng_state(state)
    for layer, was in undo:
        if was == "quantize":
            del layer.quantize
        else:
            layer.maybe_l2norm = was
    return min(gaps)


def call_fsq(module, arguments):
    quantized, indices = module(**arguments)
    grouped = type(module).__name__ == "GroupedResidualFSQ"
    shape = (indices.shape[0], indices.shape[-1]) if grouped else (indices.shape[-1],)
    return {"quantized": quantized, "indices": indices, "loss": torch.zeros(shape)}


def call_lfq(module, arguments):
    quantized, indices, loss = module(**arguments)
    if not module.training:
        loss = torch.zeros_like(loss)
    return {"quantized": quantized, "indices": indices, "loss": loss}


FORWARDS["ResidualFSQ"] = FORWARDS["GroupedResidualFSQ"] = call_fsq
FORWARDS["ResidualLFQ"] = FORWARDS["GroupedResidualLFQ"] = call_lfq


def rfsq(name, options=None, *, x=(2, 12, 3), kind="ResidualFSQ", steps=None, evaluate=False, **rest):
    options = {"levels": [5, 5, 5], "num_quantizers": 3, **(options or {})}
    prefix = "rfsq" if kind == "ResidualFSQ" else "grfsq"
    return Case(f"{prefix}-{name}", kind, options, x, not evaluate, tuple(steps or (forward(),)), margin=rounding, **rest)


def rlfq(name, options=None, *, x=(2, 12, 4), kind="ResidualLFQ", steps=None, evaluate=False, scale=0.3, **rest):
    options = {"dim": 4, "codebook_size": 16, "num_quantizers": 3, **(options or {})}
    prefix = "rlfq" if kind == "ResidualLFQ" else "grlfq"
    return Case(f"{prefix}-{name}", kind, options, x, not evaluate, tuple(steps or (forward(),)), margin=rounding, scale=scale, **rest)


def grouped_fsq(name, options=None, **rest):
    return rfsq(name, {"dim": 6, "groups": 2, **(options or {})}, kind="GroupedResidualFSQ", **{"x": (2, 12, 6), **rest})


def grouped_lfq(name, options=None, **rest):
    return rlfq(name, {"dim": 8, "groups": 2, **(options or {})}, kind="GroupedResidualLFQ", **{"x": (2, 12, 8), **rest})


UNCLAMPED = {"bound_hard_clamp": False}
PROJECTED = {"dim": 6}
DROPOUT = {"quantize_dropout": True}


def seeded(seed):
    return forward(rand_quantize_dropout_fixed_seed=seed)


DECODED = [
    forward(),
    call("get_codes_from_indices", indices=earlier("step0/out/indices")),
    call("get_output_from_indices", indices=earlier("step0/out/indices")),
]
COARSE = [
    call("get_codes_from_indices", indices=tensor([[[3, 1], [0, 15]]])),
    call("get_output_from_indices", indices=tensor([[[3, 1, -1], [0, 15, -1]]])),
]

RESIDUAL_SCALAR = [
    rfsq("train"),
    rfsq("eval", evaluate=True),
    rfsq("large-input-train", scale=5.0),
    rfsq("levels-train", {"levels": [8, 5, 4]}),
    rfsq("levels-eval", {"levels": [8, 5, 4]}, evaluate=True),
    rfsq("two-levels-train", {"levels": [2, 2, 3]}),
    rfsq("projected-train", PROJECTED, x=(2, 12, 6)),
    rfsq("projected-eval", PROJECTED, x=(2, 12, 6), evaluate=True),
    rfsq("unclamped-train", UNCLAMPED),
    rfsq("unclamped-eval", UNCLAMPED | {"levels": [8, 5, 4]}, evaluate=True),
    rfsq("soft-clamp-train", UNCLAMPED | {"soft_clamp_input_value": 2.0}),
    rfsq("soft-clamp-each-train", UNCLAMPED | {"soft_clamp_input_value": [2.0, 1.5, 1.0]}),
    rfsq("rotation-train", {"orthogonal_rotation": True}),
    rfsq("dropout-train", DROPOUT, steps=[seeded(1)]),
    rfsq("dropout-cutoff-train", DROPOUT | {"quantize_dropout_cutoff_index": 1}, steps=[seeded(0)]),
    rfsq("dropout-multiple-train", DROPOUT | {"num_quantizers": 4, "quantize_dropout_multiple_of": 2}, steps=[seeded(0), seeded(1)]),
    rfsq("decode", steps=DECODED, evaluate=True),
    rfsq("decode-projected", PROJECTED, x=(2, 12, 6), steps=DECODED, evaluate=True),
    rfsq("coarse-decode", DROPOUT, steps=COARSE, evaluate=True),
    grouped_fsq("train"),
    grouped_fsq("eval", evaluate=True),
    grouped_fsq("three-groups-train", {"groups": 3, "dim": 9}, x=(2, 12, 9)),
    grouped_fsq("projected-train", {"levels": [5, 5]}),
    grouped_fsq("dropout-train", DROPOUT),
    grouped_fsq("decode", steps=DECODED, evaluate=True),
    rlfq("train"),
    rlfq("eval", evaluate=True, scale=1.0),
    rlfq("small-input-train", scale=0.02),
    rlfq("commitment-train", {"commitment_loss_weight": 0.5}),
    rlfq("diversity-train", {"diversity_gamma": 2.5, "entropy_loss_weight": 0.3}),
    rlfq("softplus-train", {"experimental_softplus_entropy_loss": True}),
    rlfq("soft-clamp-train", {"soft_clamp_input_value": 1.0}),
    rlfq("projected-train", {"dim": 7}, x=(2, 12, 7)),
    rlfq("projected-eval", {"dim": 7}, x=(2, 12, 7), evaluate=True),
    rlfq("spherical-train", {"spherical": True}),
    rlfq("spherical-eval", {"spherical": True}, evaluate=True),
    rlfq("rotation-train", {"orthogonal_rotation": True}),
    rlfq("dropout-train", DROPOUT, steps=[seeded(1)]),
    rlfq("dropout-cutoff-train", DROPOUT | {"quantize_dropout_cutoff_index": 1}, steps=[seeded(0)]),
    rlfq("decode", steps=DECODED, evaluate=True, scale=1.0),
    rlfq("decode-projected", {"dim": 7}, x=(2, 12, 7), steps=DECODED, evaluate=True),
    rlfq("coarse-decode", DROPOUT, steps=COARSE, evaluate=True),
    grouped_lfq("train"),
    grouped_lfq("eval", evaluate=True),
    grouped_lfq("projected-train", {"dim": 10}, x=(2, 12, 10)),
    grouped_lfq("dropout-train", DROPOUT),
    grouped_lfq("decode", steps=DECODED, evaluate=True),
]
