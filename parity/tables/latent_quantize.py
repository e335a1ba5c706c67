"""Cases of LatentQuantize: one line each. Levels 5, 5, 8 and their 3 features unless an entry says otherwise.

The reference's gradients are recorded nowhere: its two loss terms compare the raw input with the
output, both end at the input, where they cancel, and none reaches the values. Where a projection
stands between, the losses are of other things than ours, so those cases have the weights 0. An index
that the reference truncated to a wrong one is not recorded: the next seed is taken.
"""

import torch

from case import FORWARDS, Case, Step, call, earlier, forward, randint


def nearest_levels(module, x):
    """The latents, and their distances to the values of each dimension."""
    z = module.project_in(x.movedim(1, -1))
    z = z.reshape(*z.shape[:-1], module.num_codebooks, module.codebook_dim)
    values = module.values_per_latent
    return z, [(z[..., i, None] - values[i]).abs().detach() for i in range(module.codebook_dim)]


def rounding(module, x) -> float:
    """The smallest lead of a nearest value; 0 if the reference truncates an index."""
    with torch.no_grad():
        z, distances = nearest_levels(module, x)
        indices = module(x)[1]
    exact = sum(d.argmin(-1) * int(b) for d, b in zip(distances, module._basis))
    if not torch.equal(exact.reshape(indices.shape).int(), indices.int()):
        return 0.0
    leads = [torch.diff(d.topk(2, largest=False).values) for d in distances]
    return min(lead.min().item() for lead in leads)


def call_latent(module, arguments):
    quantized, indices, loss = module(arguments["x"])
    return {"quantized": quantized, "indices": indices, "loss": loss}


FORWARDS["LatentQuantize"] = call_latent


def latent(name, options=None, *, x=(2, 3, 12), dim=3, levels=(5, 5, 8), steps=None, evaluate=False, **rest):
    levels = list(levels) if isinstance(levels, tuple) else levels
    options = {"levels": levels, "dim": dim, **(options or {})}
    steps = tuple(steps or (forward(),))
    return Case(f"latent-{name}", "LatentQuantize", options, x, not evaluate, steps, gradients=False, margin=rounding, scale=0.4, **rest)


TWO = {"num_codebooks": 2}
UNWEIGHTED = {"commitment_loss_weight": 0.0, "quantization_loss_weight": 0.0}


def decode(high, *shape) -> Step:
    return call("indices_to_codes", indices=randint(high, *shape))


LATENT_QUANTIZE = [
    latent("train"),
    latent("eval", evaluate=True),
    latent("one-number-train", {"codebook_dim": 3}, levels=5),
    latent("even-train", levels=(2, 4, 6)),
    latent("odd-train", levels=(3, 5, 7)),
    latent("weights-train", {"commitment_loss_weight": 0.25, "quantization_loss_weight": 1.0}),
    latent("commitment-0-train", {"commitment_loss_weight": 0.0}),
    latent("quantization-0-train", {"quantization_loss_weight": 0.0}),
    latent("codebooks-train", TWO, dim=6, x=(2, 6, 12)),
    latent("codebooks-eval", TWO, dim=6, x=(2, 6, 12), evaluate=True),
    latent("codebooks-image-eval", TWO, dim=6, x=(2, 6, 3, 4), evaluate=True),
    latent("codebook-axis-kept-eval", {"keep_num_codebooks_dim": True}, evaluate=True),
    latent("image-train", x=(2, 3, 4, 5)),
    latent("video-train", x=(2, 3, 2, 3, 2)),
    latent("projected-train", UNWEIGHTED, dim=7, x=(2, 7, 12)),
    latent("projected-eval", dim=7, x=(2, 7, 12), evaluate=True),
    latent("projected-image-eval", dim=7, x=(2, 7, 3, 4), evaluate=True),
    latent("decode", steps=[decode(200, 2, 12)], evaluate=True),
    latent("decode-projected", dim=7, steps=[decode(200, 2, 12)], evaluate=True),
    latent("decode-image", steps=[decode(200, 2, 3, 4)], x=(2, 3, 3, 4), evaluate=True),
    latent("decode-unprojected", dim=7, steps=[call("indices_to_codes", indices=randint(200, 2, 12), project_out=False)], evaluate=True),
    latent("decode-output", levels=(5, 5, 5), steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
]
