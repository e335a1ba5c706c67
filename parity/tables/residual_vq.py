"""Cases of ResidualVQ and GroupedResidualVQ: one line each.

8 features, 16 codes and 3 layers unless an entry says otherwise. Beam search is recorded where the
reference runs: in training, with a batch of one.
"""

import torch

from case import FORWARDS, Case, call, earlier, forward, mask, tensor


def call_residual(module, arguments):
    quantized, indices, loss = module(**arguments)
    return {"quantized": quantized, "indices": indices, "loss": loss}


FORWARDS["ResidualVQ"] = call_residual
FORWARDS["GroupedResidualVQ"] = call_residual


def rvq(name, options=None, *, x=(2, 12, 8), dim=8, size=16, layers=3, steps=None, evaluate=False, **rest):
    options = {"dim": dim, "num_quantizers": layers, "codebook_size": size, **(options or {})}
    if isinstance(size, tuple):
        options = {**options, "codebook_size": size}
        del options["num_quantizers"]
    steps = (forward(),) * steps if isinstance(steps, int) else steps or (forward(),)
    return Case(f"rvq-{name}", "ResidualVQ", options, x, not evaluate, tuple(steps), **rest)


def grouped(name, options=None, *, x=(2, 12, 8), groups=2, steps=None, evaluate=False, **rest):
    options = {"dim": 8, "groups": groups, "num_quantizers": 3, "codebook_size": 16, **(options or {})}
    steps = (forward(),) * steps if isinstance(steps, int) else steps or (forward(),)
    return Case(f"grvq-{name}", "GroupedResidualVQ", options, x, not evaluate, tuple(steps), **rest)


def spread(module, generator):
    """Codes of the size of what is left, layer by layer, so that every layer matters."""
    for name, value in module.state_dict().items():
        if name.endswith(("embed", "embed_avg")):
            layer = int(name.split("layers.")[1].split(".")[0])
            # The same numbers for both, which start as copies of one another.
            own = torch.Generator().manual_seed(generator.initial_seed() + 1000 + layer)
            value.copy_(torch.randn(value.shape, generator=own) * 0.6**layer)


SPREAD = {"prepare": spread}
PLAIN_GRADIENT = {"rotation_trick": False}
COSINE = {"use_cosine_sim": True}
PROJECTED = {"codebook_dim": 4}
SHARED = {"shared_codebook": True}
DROPOUT = {"quantize_dropout": True}
LEARNABLE = {"learnable_codebook": True, "ema_update": False}
IMPLICIT = {"implicit_neural_codebook": True, "mlp_kwargs": {"depth": 2, "dim_hidden": 6}}
DIVEQ = {"diveq": True}
# One module in all layers: its gradients are of all of them, where each layer here has its own.
BRIDGE = {"vq_bridge": {"$module": "Linear", "in_features": 8, "out_features": 8}}
RAGGED = mask(5, 9)
RESTING = {"ema_update": False}
FIRST_LAYER = {
    "compare": "firstLayer",
    "note": "The reference's beam search moves the codebook of the first layer only.",
}


def seeded(seed, **given):
    return forward(rand_quantize_dropout_fixed_seed=seed, **given)


def decoded(*steps):
    last = steps[0] if steps else forward()
    return [
        last,
        call("get_codes_from_indices", indices=earlier("step0/out/indices")),
        call("get_output_from_indices", indices=earlier("step0/out/indices")),
    ]


FORWARD = [
    rvq("train", **SPREAD),
    rvq("eval", evaluate=True, **SPREAD),
    rvq("fresh-train"),
    rvq("five-steps", steps=5, **SPREAD),
    rvq("straight-through-train", PLAIN_GRADIENT, **SPREAD),
    rvq("one-layer-train", layers=1, **SPREAD),
    rvq("eight-layers-train", layers=8, x=(2, 8, 8), **SPREAD),
    rvq("eight-layers-eval", layers=8, evaluate=True, **SPREAD),
    rvq("cosine-train", COSINE),
    rvq("cosine-eval", COSINE, evaluate=True),
    rvq("cosine-five-steps", COSINE, steps=5),
    rvq("projected-train", PROJECTED, **SPREAD),
    rvq("projected-eval", PROJECTED, evaluate=True, **SPREAD),
    rvq("projected-five-steps", PROJECTED, steps=5, **SPREAD),
    rvq("decay-train", {"decay": 0.99, "eps": 1e-3}, steps=3, **SPREAD),
    rvq("commitment-weight-train", {"commitment_weight": 0.25}, **SPREAD),
    rvq("learnable-train", LEARNABLE, **SPREAD),
    rvq("affine-train", {"affine_param": True}, gradients=False, **SPREAD),
    rvq("orthogonal-train", {"orthogonal_reg_weight": 2.0}, **SPREAD),
    rvq("freeze-call-train", steps=[forward(freeze_codebook=True)], **SPREAD),
    rvq("large-input-train", scale=30.0, **SPREAD),
]

LAYERS = [
    rvq("sizes-train", size=(16, 8, 4), **SPREAD),
    rvq("sizes-eval", size=(16, 8, 4), evaluate=True, **SPREAD),
    rvq("sizes-five-steps", size=(9, 16, 5), steps=5, **SPREAD),
    rvq("sizes-decode", size=(16, 8, 4), steps=decoded(), evaluate=True, **SPREAD),
    rvq("bridge-eval", BRIDGE, evaluate=True),
    rvq("in-place-train", LEARNABLE | {"in_place_codebook_optimizer": {"$optimizer": "SGD", "lr": 0.1}}, steps=2),
    rvq("shared-train", SHARED),
    rvq("shared-eval", SHARED, evaluate=True),
    rvq("shared-five-steps", SHARED, steps=5),
    rvq("shared-cosine-five-steps", SHARED | COSINE, steps=5),
    rvq("shared-projected-train", SHARED | PROJECTED),
    rvq("gradient-half-train", {"quant_grad_frac": 0.5}, **SPREAD),
    rvq("gradient-whole-train", {"quant_grad_frac": 1.0} | PLAIN_GRADIENT, **SPREAD),
    rvq("gradient-tenth-straight-through-train", {"quant_grad_frac": 0.1} | PLAIN_GRADIENT, **SPREAD),
    rvq("implicit-train", IMPLICIT, x=(2, 6, 8), **SPREAD),
    rvq("implicit-eval", IMPLICIT, x=(2, 6, 8), evaluate=True, **SPREAD),
    rvq("implicit-default-train", {"implicit_neural_codebook": True}, x=(2, 4, 8), size=8, **SPREAD),
    rvq("implicit-projected-train", IMPLICIT | PROJECTED, x=(2, 6, 8), **SPREAD),
    rvq("implicit-decode", IMPLICIT, x=(2, 6, 8), steps=decoded(), evaluate=True, **SPREAD),
    rvq("diveq-eval", DIVEQ, evaluate=True, compare="noised", note="The reference adds its noise in evaluation too.", **SPREAD),
    rvq("diveq-train", DIVEQ, compare="noised", **SPREAD),
]

DROPOUTS = [
    rvq("dropout-seed-0-train", DROPOUT, layers=4, steps=[seeded(0)], **SPREAD),
    rvq("dropout-seed-1-train", DROPOUT, layers=4, steps=[seeded(1)], **SPREAD),
    rvq("dropout-five-steps", DROPOUT, layers=4, steps=[seeded(s) for s in (2, 3, 4, 5, 6)], **SPREAD),
    rvq("dropout-eval", DROPOUT, layers=4, steps=[seeded(0)], evaluate=True, **SPREAD),
    rvq("dropout-cutoff-train", DROPOUT | {"quantize_dropout_cutoff_index": 2}, layers=4, steps=[seeded(3)], **SPREAD),
    rvq("dropout-multiple-train", DROPOUT | {"quantize_dropout_multiple_of": 2}, layers=4, steps=[seeded(s) for s in (0, 1, 2)], **SPREAD),
    rvq("dropout-shared-train", DROPOUT | SHARED, layers=4, steps=[seeded(1), seeded(2)]),
    rvq("dropout-projected-train", DROPOUT | PROJECTED, layers=4, steps=[seeded(1)], **SPREAD),
    rvq(
        "dropout-coarse-decode",
        DROPOUT,
        steps=[
            call("get_codes_from_indices", indices=tensor([[[3, 1], [0, 15]]])),
            call("get_output_from_indices", indices=tensor([[[3, 1], [0, 15]]])),
            call("get_output_from_indices", indices=tensor([[[3, -1, -1], [0, 15, -1]]])),
        ],
        evaluate=True,
        **SPREAD,
    ),
]

BEAMS = [
    rvq("beam-train", {"beam_size": 3}, x=(1, 12, 8), **SPREAD, **FIRST_LAYER),
    rvq("beam-rests-train", {"beam_size": 3} | RESTING, x=(1, 12, 8), **SPREAD),
    rvq("beam-wide-rests-train", {"beam_size": 6} | RESTING, x=(1, 6, 8), **SPREAD),
    rvq("beam-weights-rests-train", {"beam_size": 2, "beam_score_quantizer_weights": [1.0, 0.5, 2.0]} | RESTING, x=(1, 12, 8), **SPREAD),
    rvq("beam-call-rests-train", RESTING, x=(1, 12, 8), steps=[forward(beam_size=4)], **SPREAD),
    rvq("beam-gradient-half-rests-train", {"beam_size": 3, "quant_grad_frac": 0.5} | RESTING, x=(1, 12, 8), **SPREAD),
    rvq("beam-straight-through-rests-train", {"beam_size": 3} | PLAIN_GRADIENT | RESTING, x=(1, 12, 8), **SPREAD),
    rvq("beam-one-train", {"beam_size": 1}, **SPREAD),
    rvq("beam-dropout-rests-train", {"beam_size": 3} | DROPOUT | RESTING, x=(1, 12, 8), layers=4, steps=[seeded(1)], **SPREAD),
    rvq("beam-learnable-train", {"beam_size": 3} | LEARNABLE, x=(1, 12, 8), **SPREAD),
]

MASKS = [
    rvq("mask-train", steps=[forward(mask=RAGGED)], **SPREAD),
    rvq("mask-eval", steps=[forward(mask=RAGGED)], evaluate=True, **SPREAD),
    rvq("mask-five-steps", steps=[forward(mask=RAGGED)] * 5, **SPREAD),
    rvq("mask-keeps-input-eval", {"return_zeros_for_masked_padding": True}, steps=[forward(mask=mask(12, 3))], evaluate=True, **SPREAD),
    rvq("mask-dropout-train", DROPOUT, steps=[seeded(4, mask=RAGGED)], **SPREAD),
]

DECODING = [
    rvq("decode", steps=decoded(), evaluate=True, **SPREAD),
    rvq("decode-projected", PROJECTED, steps=decoded(), evaluate=True, **SPREAD),
    rvq("decode-cosine", COSINE, steps=decoded(), evaluate=True),
    rvq("decode-shared", SHARED, steps=decoded(), evaluate=True),
]

GROUPED = [
    grouped("bridge-eval", {"vq_bridge": {"$module": "Linear", "in_features": 4, "out_features": 4}}, evaluate=True),
    grouped("train"),
    grouped("eval", evaluate=True),
    grouped("five-steps", steps=5),
    grouped("four-groups-train", groups=4),
    grouped("one-group-train", groups=1),
    grouped("projected-train", {"codebook_dim": 3}),
    grouped("shared-train", SHARED, steps=2),
    grouped("cosine-train", COSINE),
    grouped("dropout-train", DROPOUT),
    grouped("dropout-four-steps", DROPOUT, steps=4),
    grouped("mask-train", steps=[forward(mask=RAGGED)]),
    grouped("freeze-call-train", steps=[forward(freeze_codebook=True)]),
    grouped("decode", steps=decoded(), evaluate=True),
]

RESIDUAL_VQ = FORWARD + LAYERS + DROPOUTS + BEAMS + MASKS + DECODING + GROUPED
