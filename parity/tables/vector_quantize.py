"""Cases of VectorQuantize: one line each.

Sizes are small on purpose: 8 features and 16 codes unless an entry says otherwise. Where the
reference is broken nothing is recorded; `test/parity/defects.test.ts` holds the right behaviour.
"""

import torch

from case import Case, Produced, call, clusters, earlier, forward, function, mask, randint, randn, tensor, uniform


def vq(name, options=None, *, x=(2, 12, 8), dim=8, codebook_size=16, steps=None, evaluate=False, **rest):
    options = {"dim": dim, "codebook_size": codebook_size, **(options or {})}
    steps = (forward(),) * steps if isinstance(steps, int) else steps or (forward(),)
    return Case(f"vq-{name}", "VectorQuantize", options, x, not evaluate, tuple(steps), **rest)


PLAIN_GRADIENT = {"rotation_trick": False}
COSINE = {"use_cosine_sim": True}
PROJECTED = {"codebook_dim": 4}
IMAGE = {"accept_image_fmap": True}
VIDEO = {"accept_3d_fmap": True}
CHANNEL_FIRST = {"channel_last": False}
# The reference differentiates the distances with the codebook of after its update, so gradients
# through them are recorded with a codebook that rests.
CROSS_ENTROPY = {"commitment_use_cross_entropy_loss": True, "freeze_codebook": True}
RAGGED = mask(5, 9)
FULL = mask(12, 12)

FORWARD = [
    vq("train"),
    vq("eval", evaluate=True),
    vq("cosine-train", COSINE),
    vq("cosine-eval", COSINE, evaluate=True),
    vq("large-train", x=(2, 64, 32), dim=32, codebook_size=48),
    vq("one-vector-train", x=(1, 1, 8)),
    vq("two-codes-train", codebook_size=2),
    vq("one-code-train", codebook_size=1),
    vq("one-feature-train", x=(2, 6, 1), dim=1, codebook_size=5),
    vq("tiny-input-train", scale=0.02),
    vq("large-input-train", scale=30.0),
]

LAYOUTS = [
    vq("channel-first-train", CHANNEL_FIRST, x=(2, 8, 12)),
    vq("channel-first-eval", CHANNEL_FIRST, x=(2, 8, 12), evaluate=True),
    vq("channel-first-projected-train", CHANNEL_FIRST | PROJECTED, x=(2, 8, 12)),
    vq("image-train", IMAGE, x=(2, 8, 4, 5)),
    vq("image-eval", IMAGE, x=(2, 8, 4, 5), evaluate=True),
    vq("image-cosine-train", IMAGE | COSINE, x=(2, 8, 4, 5)),
    vq("image-projected-train", IMAGE | PROJECTED, x=(2, 8, 4, 5)),
    vq("image-projected-eval", IMAGE | PROJECTED, x=(2, 8, 4, 5), evaluate=True),
    vq("video-train", VIDEO, x=(2, 8, 2, 3, 4)),
    vq("video-eval", VIDEO, x=(2, 8, 2, 3, 4), evaluate=True),
    vq("video-projected-train", VIDEO | PROJECTED, x=(2, 8, 2, 3, 4)),
    vq("one-token-train", x=(6, 8)),
    vq("one-token-eval", x=(6, 8), evaluate=True),
    vq("one-token-cosine-train", COSINE, x=(6, 8)),
    vq("one-token-projected-train", PROJECTED, x=(6, 8)),
]

PROJECTIONS = [
    vq("projected-train", PROJECTED),
    vq("projected-eval", PROJECTED, evaluate=True),
    vq("projected-five-steps", PROJECTED, steps=5),
    vq("projected-cosine-train", PROJECTED | COSINE),
    vq("projected-straight-through-train", PROJECTED | PLAIN_GRADIENT),
    vq("projected-wider-train", {"codebook_dim": 12}),
    vq("projected-one-feature-train", {"codebook_dim": 1}, x=(2, 6, 8), codebook_size=6),
]

GRADIENTS = [
    vq("straight-through-train", PLAIN_GRADIENT),
    vq("straight-through-cosine-train", PLAIN_GRADIENT | COSINE),
    vq("straight-through-five-steps", PLAIN_GRADIENT, steps=5),
    vq("commitment-0-train", {"commitment_weight": 0.0}),
    vq("commitment-0-straight-through-train", {"commitment_weight": 0.0} | PLAIN_GRADIENT),
    vq("commitment-quarter-train", {"commitment_weight": 0.25}),
    vq("commitment-quarter-projected-train", {"commitment_weight": 0.25} | PROJECTED),
    vq("cross-entropy-train", CROSS_ENTROPY),
    vq("cross-entropy-cosine-train", CROSS_ENTROPY | COSINE),
    vq("cross-entropy-projected-train", CROSS_ENTROPY | PROJECTED),
    vq("cross-entropy-channel-first-train", CROSS_ENTROPY | CHANNEL_FIRST, x=(2, 8, 12)),
    vq("cross-entropy-mask-train", CROSS_ENTROPY, steps=[forward(mask=RAGGED)]),
    vq("cross-entropy-cosine-mask-train", CROSS_ENTROPY | COSINE, steps=[forward(mask=RAGGED)]),
    vq("cross-entropy-weight-half-train", CROSS_ENTROPY | {"commitment_weight": 0.5}),
    vq(
        "cross-entropy-ema-five-steps",
        {"commitment_use_cross_entropy_loss": True},
        steps=5,
        gradients=False,
        note="The reference's gradient through the distances uses the codebook of after its update.",
    ),
]

AVERAGES = [
    vq("five-steps", steps=5),
    vq("cosine-five-steps", COSINE, steps=5),
    vq("image-five-steps", IMAGE, x=(2, 8, 4, 5), steps=5),
    vq("decay-0-train", {"decay": 0.0}),
    vq("decay-half-five-steps", {"decay": 0.5}, steps=5),
    vq("decay-99-five-steps", {"decay": 0.99}, steps=5),
    vq("eps-five-steps", {"eps": 0.01}, steps=5),
    vq("eps-cosine-five-steps", {"eps": 0.01} | COSINE, steps=5),
    vq("ema-off-five-steps", {"ema_update": False}, steps=5),
    vq("freeze-train", {"freeze_codebook": True}, steps=2),
    vq("freeze-cosine-train", {"freeze_codebook": True} | COSINE),
    vq("freeze-call-five-steps", steps=[forward(), forward(freeze_codebook=True), forward(), forward(freeze_codebook=True), forward()]),
    vq("freeze-lifted-train", {"freeze_codebook": True}, steps=[forward(freeze_codebook=False), forward()]),
]

MASKS = [
    vq("mask-train", steps=[forward(mask=RAGGED)]),
    vq("mask-eval", steps=[forward(mask=RAGGED)], evaluate=True),
    vq("mask-full-train", steps=[forward(mask=FULL)]),
    vq("mask-five-steps", steps=[forward(mask=RAGGED)] * 5),
    vq("mask-keeps-input-train", {"return_zeros_for_masked_padding": False}, steps=[forward(mask=RAGGED)]),
    vq("mask-keeps-input-eval", {"return_zeros_for_masked_padding": False}, steps=[forward(mask=RAGGED)], evaluate=True),
    vq("mask-straight-through-train", PLAIN_GRADIENT, steps=[forward(mask=RAGGED)]),
    vq("mask-cosine-eval", COSINE, steps=[forward(mask=RAGGED)], evaluate=True),
    vq("mask-cosine-commitment-0-five-steps", COSINE | {"commitment_weight": 0.0}, steps=[forward(mask=RAGGED)] * 5),
    vq("mask-projected-eval", PROJECTED, steps=[forward(mask=RAGGED)], evaluate=True),
    vq("mask-projected-commitment-0-train", PROJECTED | {"commitment_weight": 0.0}, steps=[forward(mask=RAGGED)]),
    vq("lengths-train", steps=[forward(lens=tensor(5, 9))]),
    vq("lengths-eval", steps=[forward(lens=tensor(5, 9))], evaluate=True),
    vq("lengths-five-steps", steps=[forward(lens=tensor(12, n)) for n in (1, 12, 7, 3, 10)]),
]

REPLACED = "replaced"  # dead codes: which rows, and where their vectors come from
DRAWN = "drawn"  # sampled codes: everything but the draw, with the recorded indices
NOISED = "noised"  # directions with noise: their lengths
SUBSET = "subset"  # a loss of some codes only: everything but the loss
CLUSTERED = "clustered"  # k-means: everything but the order of the codes

KMEANS = {"kmeans_init": True}
# From any two vectors k-means ends at the same two means.
TWO_CLUSTERS = forward(x=clusters(4, 32, 8))

RANDOM = [
    vq("dead-codes-train", {"threshold_ema_dead_code": 2}, compare=REPLACED),
    vq("dead-codes-few-train", {"threshold_ema_dead_code": 1, "decay": 0.5}, x=(4, 32, 8), compare=REPLACED),
    vq("dead-codes-scarce-train", {"threshold_ema_dead_code": 2}, x=(1, 6, 8), compare=REPLACED),
    vq("dead-codes-cosine-train", {"threshold_ema_dead_code": 2} | COSINE, compare=REPLACED),
    vq("dead-codes-projected-train", {"threshold_ema_dead_code": 2} | PROJECTED, compare=REPLACED),
    vq("dead-codes-mask-train", {"threshold_ema_dead_code": 2}, steps=[forward(mask=RAGGED)], compare=REPLACED),
    vq("dead-codes-five-steps", {"threshold_ema_dead_code": 1}, steps=5, compare=REPLACED),
    vq("dead-codes-ema-off-train", {"threshold_ema_dead_code": 2, "ema_update": False}, compare=REPLACED),
    vq("dead-codes-freeze-train", {"threshold_ema_dead_code": 2, "freeze_codebook": True}),
    vq("dead-codes-eval", {"threshold_ema_dead_code": 2}, evaluate=True),
    vq("stochastic-train", {"stochastic_sample_codes": True}, compare=DRAWN, sampled=True),
    vq("stochastic-cosine-train", {"stochastic_sample_codes": True, "sample_codebook_temp": 0.1} | COSINE, compare=DRAWN, sampled=True),
    vq("stochastic-call-train", {"stochastic_sample_codes": True}, steps=[forward(sample_codebook_temp=0.3)], compare=DRAWN, sampled=True),
    vq("stochastic-cold-train", {"stochastic_sample_codes": True, "sample_codebook_temp": 0.0}),
    vq("stochastic-eval", {"stochastic_sample_codes": True}, evaluate=True),
    vq("kmeans-train", KMEANS, codebook_size=2, steps=[TWO_CLUSTERS, forward()], compare=CLUSTERED),
    vq("kmeans-cosine-train", KMEANS | COSINE, codebook_size=2, steps=[TWO_CLUSTERS, forward()], compare=CLUSTERED),
    vq("kmeans-five-iterations-train", KMEANS | {"kmeans_iters": 5}, codebook_size=2, steps=[TWO_CLUSTERS], compare=CLUSTERED),
    vq("kmeans-projected-train", KMEANS | PROJECTED, codebook_size=2, steps=[TWO_CLUSTERS], compare=CLUSTERED),
    vq("kmeans-mask-train", KMEANS, codebook_size=2, steps=[forward(x=clusters(2, 12, 8), mask=RAGGED)], compare=CLUSTERED),
]

DECODING = [
    vq("decode", steps=[call("get_codes_from_indices", indices=randint(16, 2, 12)), call("get_output_from_indices", indices=randint(16, 2, 12))], evaluate=True),
    vq("decode-projected", PROJECTED, steps=[call("get_codes_from_indices", indices=randint(16, 2, 12)), call("get_output_from_indices", indices=randint(16, 2, 12))], evaluate=True),
    vq("decode-one-token", steps=[call("get_output_from_indices", indices=randint(16, 6))], evaluate=True),
    vq("decode-channel-first", CHANNEL_FIRST, steps=[call("get_codes_from_indices", indices=randint(16, 2, 12)), call("get_output_from_indices", indices=randint(16, 2, 12))], evaluate=True),
    vq("decode-image", IMAGE, steps=[call("get_codes_from_indices", indices=randint(16, 2, 4, 5)), call("get_output_from_indices", indices=randint(16, 2, 4, 5))], evaluate=True),
    vq("decode-video", VIDEO, steps=[call("get_output_from_indices", indices=randint(16, 2, 2, 3, 4))], evaluate=True),
    vq("decode-after-training", steps=[forward(), call("get_codes_from_indices", indices=earlier("step0/out/indices"))], gradients=False),
]

SHARED_HEADS = {"heads": 2, "codebook_dim": 4}
HEADS = SHARED_HEADS | {"separate_codebook_per_head": True}
WIDE_HEADS = {"heads": 3, "codebook_dim": 4, "separate_codebook_per_head": True}
HEAD_OPTIONS = [
    vq(f"{name}-{kind}", options | extra, **more)
    for name, options in (("heads", HEADS), ("shared-heads", SHARED_HEADS))
    for kind, extra, more in (
        ("train", {}, {}),
        ("eval", {}, {"evaluate": True}),
        ("cosine-five-steps", COSINE, {"steps": 5}),
        ("five-steps", {}, {"steps": 5}),
        ("straight-through-train", PLAIN_GRADIENT, {}),
        ("image-train", IMAGE, {"x": (2, 8, 3, 4)}),
        ("one-token-train", {}, {"x": (6, 8)}),
        ("cross-entropy-train", CROSS_ENTROPY, {}),
        ("mask-eval", {}, {"steps": [forward(mask=RAGGED)], "evaluate": True}),
        ("mask-commitment-0-train", {"commitment_weight": 0.0}, {"steps": [forward(mask=RAGGED)]}),
        ("dead-codes-train", {"threshold_ema_dead_code": 2}, {"compare": REPLACED}),
    )
] + [
    vq("heads-projected-train", WIDE_HEADS),
    vq("heads-projected-eval", WIDE_HEADS, evaluate=True),
    vq("heads-channel-first-train", HEADS | CHANNEL_FIRST, x=(2, 8, 12)),
    vq("heads-video-eval", HEADS | VIDEO, x=(2, 8, 2, 2, 3), evaluate=True),
    vq("heads-cross-entropy-mask-train", HEADS | CROSS_ENTROPY, steps=[forward(mask=RAGGED)]),
    vq("heads-decode", HEADS, steps=[call("get_codes_from_indices", indices=randint(16, 2, 12, 2)), call("get_output_from_indices", indices=randint(16, 2, 12, 2))], evaluate=True),
    vq("heads-kmeans-train", HEADS | KMEANS, codebook_size=2, steps=[TWO_CLUSTERS], compare=CLUSTERED),
]

LAYERNORM = {"layernorm_after_project_in": True}
LAYERNORM_OPTIONS = [
    vq("layernorm-train", LAYERNORM | PROJECTED),
    vq("layernorm-eval", LAYERNORM | PROJECTED, evaluate=True),
    vq("layernorm-cosine-five-steps", LAYERNORM | PROJECTED | COSINE, steps=5),
]

LEARNABLE = {"learnable_codebook": True, "ema_update": False}
LEARNABLE_OPTIONS = [
    vq("learnable-train", LEARNABLE),
    vq("learnable-eval", LEARNABLE, evaluate=True),
    vq("learnable-straight-through-train", LEARNABLE | PLAIN_GRADIENT),
    vq("learnable-commitment-quarter-train", LEARNABLE | {"commitment_weight": 0.25}),
    vq("learnable-commitment-0-train", LEARNABLE | {"commitment_weight": 0.0}),
    vq("learnable-freeze-train", LEARNABLE | {"freeze_codebook": True}),
    vq("learnable-projected-train", LEARNABLE | PROJECTED),
    vq("learnable-heads-train", LEARNABLE | HEADS),
    vq("learnable-mask-train", LEARNABLE, steps=[forward(mask=RAGGED)]),
    vq("learnable-cross-entropy-train", LEARNABLE | {"commitment_use_cross_entropy_loss": True}),
    vq("learnable-dead-codes-train", LEARNABLE | {"threshold_ema_dead_code": 2}, compare=REPLACED, gradients=False),
]

SGD = {"$optimizer": "SGD", "lr": 0.1}
ADAM = {"$optimizer": "Adam", "lr": 0.01}
IN_PLACE = LEARNABLE | {"in_place_codebook_optimizer": SGD}
IN_PLACE_OPTIONS = [
    vq("in-place-sgd-five-steps", IN_PLACE, steps=5),
    vq("in-place-adam-five-steps", LEARNABLE | {"in_place_codebook_optimizer": ADAM}, steps=5),
    vq("in-place-momentum-five-steps", LEARNABLE | {"in_place_codebook_optimizer": SGD | {"momentum": 0.9}}, steps=5),
    vq("in-place-straight-through-train", IN_PLACE | PLAIN_GRADIENT),
    vq("in-place-mask-train", IN_PLACE, steps=[forward(mask=RAGGED)] * 2),
    vq("in-place-heads-train", IN_PLACE | HEADS, steps=2),
    vq("in-place-freeze-train", IN_PLACE | {"freeze_codebook": True}),
    vq("in-place-eval", IN_PLACE, evaluate=True),
    vq(
        "in-place-manual",
        IN_PLACE | {"manual_in_place_optimizer_update": True},
        steps=[forward(), forward(), call("update_in_place_optimizer"), forward()],
        gradients=False,
    ),
]

AFFINE = {"affine_param": True}
AFFINE_OPTIONS = [
    vq("affine-train", AFFINE),
    vq("affine-five-steps", AFFINE, steps=5),
    vq("affine-decays-five-steps", AFFINE | {"affine_param_batch_decay": 0.9, "affine_param_codebook_decay": 0.5}, steps=5),
    vq("affine-mask-five-steps", AFFINE, steps=[forward(mask=RAGGED)] * 5),
    vq("affine-projected-train", AFFINE | PROJECTED, steps=2),
    vq("affine-heads-five-steps", AFFINE | HEADS, steps=5),
    vq("affine-learnable-train", AFFINE | LEARNABLE),
]

BRIDGE = {"vq_bridge": {"$module": "Linear", "in_features": 8, "out_features": 8}}
HEADS_BRIDGE = {"vq_bridge": {"$module": "Linear", "in_features": 4, "out_features": 4}}
# The reference asks for a dead-code threshold; this one replaces no code.
DIVEQ = {"directional_reparam": True, "threshold_ema_dead_code": 0.001}
STILL_DIVEQ = DIVEQ | {"directional_reparam_variance": 0.0}


def inverse_count(embed_sum, cluster_size):
    return 1.0 / (1.0 + cluster_size)


def shifted_codes(case, generator, tensors):
    """A transform as of an implicit neural codebook: every vector sees the codes moved its own way."""
    shift = torch.randn(*case.x, generator=generator) * 0.3
    tensors["step0/in/shift"] = shift
    return lambda codes: codes[:, None, None] + shift[None, :, :, None]


SHIFTED = Produced(shifted_codes, "codes + shift")

OTHER_OPTIONS = [
    vq("ema-weight-per-code-train", steps=[forward(ema_update_weight=uniform(16))]),
    vq("ema-weight-per-head-train", HEADS, steps=[forward(ema_update_weight=uniform(2, 16))]),
    vq("ema-weight-function-train", steps=[forward(ema_update_weight=function("1 / (1 + clusterSize)", inverse_count))] * 2),
    vq("ema-accumulated-train", steps=[forward(accum_ema_update=True), forward(accum_ema_update=True), forward(), forward()]),
    vq("ema-manual-train", {"manual_ema_update": True}, steps=[forward(), forward(), call("_codebook.update_ema"), forward()]),
    vq("ema-off-call-train", steps=[forward(ema_update=False), forward(), forward(ema_update=False)]),
    vq("diversity-train", {"codebook_diversity_loss_weight": 0.5, "codebook_diversity_temperature": 2.0, "freeze_codebook": True}, x=(24, 1, 8)),
    vq("diversity-cosine-train", {"codebook_diversity_loss_weight": 0.5, "codebook_diversity_temperature": 10.0, "freeze_codebook": True} | COSINE, x=(24, 1, 8)),
    vq("diversity-default-temperature-train", {"codebook_diversity_loss_weight": 1.0, "freeze_codebook": True}, x=(24, 1, 8)),
    vq("orthogonal-train", {"orthogonal_reg_weight": 10.0}),
    vq("orthogonal-learnable-train", {"orthogonal_reg_weight": 1.0} | LEARNABLE),
    vq("orthogonal-active-train", {"orthogonal_reg_weight": 10.0, "orthogonal_reg_active_codes_only": True}),
    vq("orthogonal-heads-train", {"orthogonal_reg_weight": 10.0} | HEADS),
    vq("orthogonal-max-codes-train", {"orthogonal_reg_weight": 10.0, "orthogonal_reg_max_codes": 6}, compare=SUBSET, gradients=False),
    vq("bridge-train", BRIDGE),
    vq("bridge-eval", BRIDGE, evaluate=True),
    vq("bridge-straight-through-train", BRIDGE | PLAIN_GRADIENT),
    vq("bridge-in-place-train", BRIDGE | IN_PLACE),
    vq("bridge-in-place-adam-five-steps", BRIDGE | LEARNABLE | {"in_place_codebook_optimizer": ADAM}, steps=5),
    vq("bridge-in-place-heads-momentum-train", HEADS_BRIDGE | HEADS | LEARNABLE | {"in_place_codebook_optimizer": SGD | {"momentum": 0.9}}, steps=3),
    vq(
        "bridge-in-place-manual-train",
        BRIDGE | IN_PLACE | {"manual_in_place_optimizer_update": True},
        steps=[forward(), forward(), call("update_in_place_optimizer"), forward()],
        gradients=False,
    ),
    vq("orthogonal-in-place-train", {"orthogonal_reg_weight": 1.0, "in_place_codebook_optimizer": SGD}, steps=2),
    vq("diveq-still-train", STILL_DIVEQ),
    vq("diveq-still-projected-train", STILL_DIVEQ | PROJECTED),
    vq("diveq-train", DIVEQ, compare=NOISED),
    vq("diveq-variance-train", DIVEQ | {"directional_reparam_variance": 0.1}, compare=NOISED),
    vq("diveq-projected-train", DIVEQ | PROJECTED, compare=NOISED),
    vq("diveq-eval", DIVEQ, evaluate=True),
    vq("transform-train", {"ema_update": False}, steps=[forward(codebook_transform_fn=SHIFTED)]),
    vq("transform-eval", steps=[forward(codebook_transform_fn=SHIFTED)], evaluate=True),
    vq("transform-cosine-eval", COSINE, steps=[forward(codebook_transform_fn=SHIFTED)], evaluate=True),
    vq("top-3-train", steps=[forward(topk=3)]),
    vq("top-3-straight-through-train", PLAIN_GRADIENT, steps=[forward(topk=3)]),
    vq("top-3-mask-train", steps=[forward(topk=3, mask=RAGGED)]),
    vq("top-3-cosine-commitment-0-train", COSINE | {"commitment_weight": 0.0}, steps=[forward(topk=3)], gradients=False),
    vq("targets-train", {"freeze_codebook": True}, steps=[forward(indices=randint(16, 2, 12))]),
    vq("targets-eval", steps=[forward(indices=randint(16, 2, 12))], evaluate=True),
    vq("targets-cosine-train", {"freeze_codebook": True} | COSINE, steps=[forward(indices=randint(16, 2, 12))]),
    vq("targets-ignored-train", {"freeze_codebook": True}, steps=[forward(indices=tensor([[3, -1, 15, 0, 7, -1], [2, 2, -1, 9, 11, 1]]))], x=(2, 6, 8)),
    vq("targets-heads-train", {"freeze_codebook": True} | HEADS, steps=[forward(indices=randint(16, 2, 12, 2))]),
    vq(
        "gumbel-train",
        {"straight_through": True, "rotation_trick": False},
        gradients=False,
        note="The reference puts the straight-through gradient in place of the softmax's.",
    ),
    vq("gumbel-unrouted-train", {"straight_through": True, "rotation_trick": False, "route_gradients_to_input": False, "ema_update": False}),
    vq("gumbel-unrouted-warm-train", {"straight_through": True, "rotation_trick": False, "route_gradients_to_input": False, "ema_update": False, "sample_codebook_temp": 3.0}),
    vq("unrouted-train", {"route_gradients_to_input": False}),
    vq("unrouted-learnable-train", {"route_gradients_to_input": False} | LEARNABLE),
    vq("sync-update-train", {"sync_update_v": 0.5} | LEARNABLE, gradients=False, note="The reference applies v after the straight-through step, so its gradients do not show it."),
    vq("update-indices-train", x=(1, 12, 8), steps=[forward(freeze_codebook=True), call("update_indices", x=randn(1, 12, 8), indices=randint(16, 1, 12))]),
    vq("update-indices-cosine-train", COSINE, x=(1, 12, 8), steps=[call("update_indices", x=randn(1, 12, 8), indices=randint(16, 1, 12))] * 3),
    vq("update-indices-projected-train", PROJECTED, x=(1, 12, 8), steps=[call("update_indices", x=randn(1, 12, 8), indices=randint(16, 1, 12))]),
    vq("update-indices-mask-train", x=(1, 12, 8), steps=[call("update_indices", x=randn(1, 12, 8), indices=randint(16, 1, 12), mask=mask(7))]),
    vq("expire-codes-train", {"threshold_ema_dead_code": 2}, x=(1, 12, 8), steps=[call("expire_codes_", x=randn(1, 12, 8))], compare=REPLACED),
    vq("codebook-set-eval", steps=[call("codebook =", codes=randn(16, 8)), forward()], evaluate=True),
    vq("codebook-set-heads-eval", HEADS, steps=[call("codebook =", codes=randn(2, 16, 4)), forward()], evaluate=True),
]

VECTOR_QUANTIZE = (
    FORWARD
    + LAYOUTS
    + PROJECTIONS
    + GRADIENTS
    + AVERAGES
    + MASKS
    + RANDOM
    + DECODING
    + HEAD_OPTIONS
    + LAYERNORM_OPTIONS
    + LEARNABLE_OPTIONS
    + IN_PLACE_OPTIONS
    + AFFINE_OPTIONS
    + OTHER_OPTIONS
)
