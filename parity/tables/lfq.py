"""Cases of LFQ: one line each. 4 bits unless an entry says otherwise.

The entropies are of inputs of about the size of the temperature, or every vector would have decided.
With a mask the reference's entropies are wrong, so no such case is recorded.
"""

import torch

from case import FORWARDS, Case, Step, call, earlier, forward, randint


def distance_from_zero(module, x) -> float:
    """The smallest size of a value whose sign is taken."""
    seen = []
    normalise = module.maybe_l2norm
    module.maybe_l2norm = lambda t: seen.append(t.detach()) or normalise(t)
    random = torch.get_rng_state()
    with torch.no_grad():
        module(x)
    torch.set_rng_state(random)
    module.maybe_l2norm = normalise
    return seen[0].abs().min().item()


def call_lfq(module, arguments):
    (quantized, indices, loss), parts = module(**arguments, return_loss_breakdown=True)
    losses = {f"losses/{name}": value for name, value in parts._asdict().items()}
    return {"quantized": quantized, "indices": indices, "loss": loss, **losses}


FORWARDS["LFQ"] = call_lfq


def lfq(name, options=None, *, x=(2, 12, 4), codebook_size=16, steps=None, evaluate=False, warm=True, **rest):
    options = {**({"codebook_size": codebook_size} if codebook_size else {}), **(options or {})}
    # Far below the default of 100, so that the entropies are not all 0.
    steps = steps or (forward(inv_temperature=1.0) if warm and not evaluate else forward(),)
    return Case(f"lfq-{name}", "LFQ", options, x, not evaluate, tuple(steps), margin=distance_from_zero, **rest)


SPHERICAL = {"spherical": True}
ROTATED = {"orthogonal_rotation": True}
TWO = {"num_codebooks": 2}
PROJECTED = {"dim": 7}
COSINE = {"cosine_sim_project_in": True} | PROJECTED
COMMITTED = {"commitment_loss_weight": 0.25}


def at(inverse: float) -> tuple[Step, ...]:
    return (forward(inv_temperature=inverse),)


def decode(high, *shape, **rest) -> Step:
    return call("indices_to_codes", indices=randint(high, *shape), **rest)


LFQ = [
    lfq("train"),
    lfq("eval", evaluate=True),
    lfq("default-temperature-train", warm=False, scale=0.01),
    lfq("cold-train", steps=at(10.0), scale=0.1),
    lfq("hot-train", steps=at(0.1)),
    lfq("large-input-train", steps=at(0.1), scale=10.0),
    lfq("from-dim-train", {"dim": 4}, codebook_size=None),
    lfq("two-codes-train", codebook_size=2, x=(2, 12, 1)),
    lfq("three-bits-train", codebook_size=8, x=(2, 12, 3)),
    lfq("eight-bits-train", codebook_size=256, x=(2, 12, 8)),
    lfq("eleven-bits-train", codebook_size=2048, x=(2, 12, 11)),
    lfq("fourteen-bits-train", codebook_size=2**14, x=(1, 12, 14), steps=at(0.5)),
    lfq("sixteen-bits-train", codebook_size=2**16, x=(1, 12, 16), steps=at(0.1)),
    lfq("gamma-0-train", {"diversity_gamma": 0.0}),
    lfq("gamma-2-train", {"diversity_gamma": 2.5}),
    lfq("entropy-weight-0-train", {"entropy_loss_weight": 0.0}, gradients=True, note="Ours leaves the entropies out.", compare="unweighted"),
    lfq("entropy-weight-1-train", {"entropy_loss_weight": 1.0}),
    lfq("commitment-train", COMMITTED),
    lfq("commitment-alone-train", COMMITTED | {"entropy_loss_weight": 1e-12}),
    lfq("softplus-train", {"experimental_softplus_entropy_loss": True}),
    lfq("softplus-offset-train", {"experimental_softplus_entropy_loss": True, "entropy_loss_offset": 1.5}),
    lfq("activation-parameters-train", {"straight_through_activation": {"$module": "PReLU", "num_parameters": 1}}),
    lfq("activation-train", {"straight_through_activation": {"$module": "Tanh"}}),
    lfq("scale-train", {"codebook_scale": 0.5}),
    lfq("scale-eval", {"codebook_scale": 0.5}, evaluate=True),
    lfq("soft-clamp-train", {"soft_clamp_input_value": 1.5}),
    lfq("soft-clamp-eval", {"soft_clamp_input_value": 1.5}, evaluate=True),
    lfq("spherical-train", SPHERICAL),
    lfq("spherical-eval", SPHERICAL, evaluate=True),
    lfq("spherical-scale-train", SPHERICAL | {"codebook_scale": 2.0}),
    lfq("spherical-commitment-train", SPHERICAL | COMMITTED),
    lfq("spherical-projected-train", SPHERICAL | PROJECTED, x=(2, 12, 7)),
    lfq("projected-train", PROJECTED, x=(2, 12, 7)),
    lfq("projected-eval", PROJECTED, x=(2, 12, 7), evaluate=True),
    lfq("projected-without-bias-train", PROJECTED | {"projection_has_bias": False}, x=(2, 12, 7)),
    lfq("projected-by-force-train", {"has_projections": True}),
    lfq("cosine-train", COSINE, x=(2, 12, 7)),
    lfq("cosine-eval", COSINE, x=(2, 12, 7), evaluate=True),
    lfq("cosine-scale-train", COSINE | {"cosine_sim_project_in_scale": 3.0}, x=(2, 12, 7)),
    lfq("cosine-codebook-scale-train", COSINE | {"codebook_scale": 0.5}, x=(2, 12, 7)),
    lfq("rotated-train", ROTATED),
    lfq("rotated-eval", ROTATED, evaluate=True),
    lfq("rotated-spherical-projected-train", ROTATED | SPHERICAL | PROJECTED, x=(2, 12, 7)),
    lfq("codebooks-train", TWO, x=(2, 12, 8)),
    lfq("codebooks-eval", TWO, x=(2, 12, 8), evaluate=True),
    lfq("codebooks-projected-commitment-train", TWO | PROJECTED | COMMITTED, x=(2, 12, 7)),
    lfq("codebooks-spherical-rotated-train", TWO | SPHERICAL | ROTATED, x=(2, 12, 8)),
    lfq("codebook-axis-kept-eval", {"keep_num_codebooks_dim": True}, evaluate=True),
    lfq("fraction-eval", {"frac_per_sample_entropy": 0.5}, evaluate=True),
    lfq("channel-first-train", {"channel_first": True}, x=(2, 4, 12)),
    lfq("channel-first-eval", {"channel_first": True}, x=(2, 4, 12), evaluate=True),
    lfq("image-train", x=(2, 4, 3, 5)),
    lfq("image-codebooks-eval", TWO, x=(2, 8, 3, 5), evaluate=True),
    lfq("image-projected-train", PROJECTED, x=(2, 7, 3, 5)),
    lfq("video-train", x=(2, 4, 2, 3, 2)),
    lfq("decode", steps=[decode(16, 2, 12)], evaluate=True),
    lfq("decode-spherical", SPHERICAL, steps=[decode(16, 2, 12)], evaluate=True),
    lfq("decode-rotated", ROTATED, steps=[decode(16, 2, 12)], evaluate=True),
    lfq("decode-projected", PROJECTED, steps=[decode(16, 2, 12)], evaluate=True),
    lfq("decode-unprojected", PROJECTED, steps=[decode(16, 2, 12, project_out=False)], evaluate=True),
    lfq("decode-codebooks", TWO, steps=[decode(16, 2, 12, 2)], evaluate=True),
    lfq("decode-image", x=(2, 4, 3, 5), steps=[decode(16, 2, 3, 5)], evaluate=True),
    lfq("decode-output", PROJECTED, x=(2, 12, 7), steps=[forward(), call("indices_to_codes", indices=earlier("step0/out/indices"))], evaluate=True),
]
