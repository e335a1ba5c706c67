"""Cases of RandomProjectionQuantizer: one line each.

With several codebooks the reference builds codes of another size than it was asked for, behind a
random map of all projections. It never leaves evaluation.
"""

import torch

from case import FORWARDS, Case, forward, randint


def call_projection(module, arguments):
    out = module(**arguments)
    return {"loss": out} if arguments.get("indices") is not None else {"indices": out, "loss": torch.zeros(())}


FORWARDS["RandomProjectionQuantizer"] = call_projection


def rpq(name, options=None, *, x=(2, 12, 8), steps=None):
    options = {"dim": 8, "codebook_dim": 4, "codebook_size": 16, **(options or {})}
    return Case(f"rpq-{name}", "RandomProjectionQuantizer", options, x, False, tuple(steps or (forward(),)))


RANDOM_PROJECTION = [
    rpq("eval"),
    rpq("no-norm-eval", {"norm": False}),
    rpq("wide-eval", {"dim": 16, "codebook_dim": 24, "codebook_size": 64}, x=(2, 24, 16)),
    rpq("narrow-eval", {"codebook_dim": 2}),
    rpq("codebooks-eval", {"num_codebooks": 3}),
    rpq("codebooks-layernorm-eval", {"num_codebooks": 2, "layernorm_after_project_in": True}),
    rpq("codebooks-targets-eval", {"num_codebooks": 2}, steps=[forward(indices=randint(16, 2, 12, 2))]),
    rpq("training-options-eval", {"decay": 0.9, "orthogonal_reg_weight": 1.0, "stochastic_sample_codes": True}),
    rpq("targets-eval", steps=[forward(indices=randint(16, 2, 12))]),
    rpq("targets-no-norm-eval", {"norm": False}, steps=[forward(indices=randint(16, 2, 12))]),
]
