"""Cases of SimVQ and ResidualSimVQ: one line each. 8 features and 16 codes unless an entry says otherwise.

The reference gives its loss in evaluation too, where ours has none: it is not recorded there.
"""

import torch

from case import FORWARDS, Case, call, earlier, forward, tensor


def nearness(module, x) -> float:
    """The smallest relative gap between the nearest code and the next, over all layers."""
    gaps, hooks = [], []

    def measure(layer, args):
        x = args[0].movedim(1, -1) if layer.channel_first else args[0]
        distances = torch.cdist(x.reshape(-1, x.shape[-1]), layer.codebook)
        first, second = distances.topk(2, largest=False).values.unbind(-1)
        gaps.append(((second - first) / second).min().item())

    for layer in module.modules():
        if type(layer).__name__ == "SimVQ":
            hooks.append(layer.register_forward_pre_hook(measure))
    with torch.no_grad():
        module(x, **({"rand_quantize_dropout_fixed_seed": 0} if hasattr(module, "layers") else {}))
    for hook in hooks:
        hook.remove()
    return min(gaps)


def call_sim(module, arguments):
    quantized, indices, loss = module(**arguments)
    if not module.training:
        loss = torch.zeros_like(loss)
    return {"quantized": quantized, "indices": indices, "loss": loss}


FORWARDS["SimVQ"] = call_sim
FORWARDS["ResidualSimVQ"] = call_sim


# With a bias and from another size, as the linear map that there is without it never is.
TRANSFORM = {"frozen_codebook_dim": 5, "codebook_transform": {"$module": "Linear", "in_features": 5, "out_features": 8}}


def sim(name, options=None, *, x=(2, 12, 8), steps=None, evaluate=False, **rest):
    options = {"dim": 8, "codebook_size": 16, **(options or {})}
    return Case(f"simvq-{name}", "SimVQ", options, x, not evaluate, tuple(steps or (forward(),)), margin=nearness, **rest)


def residual(name, options=None, *, x=(2, 12, 8), steps=None, evaluate=False, **rest):
    options = {"dim": 8, "codebook_size": 16, "num_quantizers": 3, **(options or {})}
    return Case(f"rsimvq-{name}", "ResidualSimVQ", options, x, not evaluate, tuple(steps or (forward(),)), margin=nearness, **rest)


PLAIN_GRADIENT = {"rotation_trick": False}
FIRST = {"channel_first": True}
DROPOUT = {"quantize_dropout": True}


def seeded(seed):
    return forward(rand_quantize_dropout_fixed_seed=seed)


SIM_VQ = [
    sim("train"),
    sim("eval", evaluate=True),
    sim("straight-through-train", PLAIN_GRADIENT),
    sim("frozen-dim-train", {"frozen_codebook_dim": 5}),
    sim("weights-train", {"input_to_quantize_commit_loss_weight": 0.5, "commitment_weight": 2.0}),
    sim("channel-first-train", FIRST, x=(2, 8, 12)),
    sim("image-train", FIRST, x=(2, 8, 4, 5)),
    sim("image-eval", FIRST, x=(2, 8, 4, 5), evaluate=True),
    sim("large-train", {"dim": 32, "codebook_size": 64}, x=(2, 24, 32)),
    sim("decode", steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
    sim("decode-image", FIRST, x=(2, 8, 4, 5), steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
    sim("transform-train", TRANSFORM),
    sim("transform-eval", TRANSFORM, evaluate=True),
    residual("transform-eval", TRANSFORM, evaluate=True),
    residual("train"),
    residual("eval", evaluate=True),
    residual("straight-through-train", PLAIN_GRADIENT),
    residual("frozen-dim-train", {"frozen_codebook_dim": 5}),
    residual("channel-first-train", FIRST, x=(2, 8, 12)),
    residual("image-train", FIRST, x=(2, 8, 4, 5)),
    residual("dropout-train", DROPOUT, steps=[seeded(1)]),
    residual("dropout-cutoff-train", DROPOUT | {"quantize_dropout_cutoff_index": 1}, steps=[seeded(0)]),
    residual("dropout-multiple-train", DROPOUT | {"num_quantizers": 4, "quantize_dropout_multiple_of": 2}, steps=[seeded(0), seeded(1)]),
    residual(
        "decode",
        steps=[
            forward(),
            call("get_codes_from_indices", indices=earlier("step0/out/indices")),
            call("get_output_from_indices", indices=earlier("step0/out/indices")),
        ],
        evaluate=True,
    ),
    residual(
        "coarse-decode",
        DROPOUT,
        steps=[
            call("get_codes_from_indices", indices=tensor([[[3, 1], [0, 15]]])),
            call("get_output_from_indices", indices=tensor([[[3, 1, -1], [0, 15, -1]]])),
        ],
        evaluate=True,
    ),
]
