"""Cases of HierarchicalVQ: one line each. 6 features, 16 codes, scales 1, 2, 4 and images of 8 x 8.

The indices of the scales, a tuple in the reference, are recorded one after another.
"""

import torch

from case import FORWARDS, Case, forward


def call_hierarchical(module, arguments):
    quantized, indices, loss = module(**arguments)
    return {"quantized": quantized, "indices": torch.cat([each.flatten(1) for each in indices], 1), "loss": loss}


FORWARDS["HierarchicalVQ"] = call_hierarchical


def hvq(name, options=None, *, x=(2, 6, 8, 8), scales=(1, 2, 4), steps=1, evaluate=False, **rest):
    options = {
        "dim": 6,
        "codebook_size": 16,
        "scales": list(scales),
        "kmeans_init": False,
        "threshold_ema_dead_code": 0,
        "accept_image_fmap": True,
        **(options or {}),
    }
    return Case(f"hvq-{name}", "HierarchicalVQ", options, x, not evaluate, (forward(),) * steps, **rest)


HIERARCHICAL_VQ = [
    hvq("train"),
    hvq("eval", evaluate=True),
    hvq("five-steps", steps=5),
    hvq("uneven-train", x=(2, 6, 7, 9)),
    hvq("uneven-eval", x=(2, 6, 7, 9), evaluate=True),
    hvq("one-scale-train", scales=(4,)),
    hvq("same-size-eval", x=(2, 6, 4, 4), evaluate=True),
    hvq("rotation-train", {"rotation_trick": True}),
    hvq("decay-train", {"decay": 0.8, "commitment_weight": 0.25}, steps=2),
    hvq("ratio-0-train", {"quant_resi": 0.0}),
    hvq("ratio-1-train", {"quant_resi": 1.0}),
    hvq("convolution-each-train", {"share_quant_resi": 0}),
    hvq("two-convolutions-train", {"share_quant_resi": 2}, scales=(1, 2, 3, 4)),
    hvq("orthogonal-train", {"orthogonal_reg_weight": 2.0}, gradients=False, note="The codebook moves under the saved codes between scales, so the reference's gradients are not those of its loss."),
]
