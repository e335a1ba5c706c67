"""Builds every class of the reference with each of its options, and writes what it is and what it does.

    python parity/torch_modules.py FOLDER

`<name>.json` gets `class`, `kwargs` as in `cases/`, and `layout` where the rank of the input says it;
`<name>.safetensors` a `state_dict` under `state/`, an input under `x`, and the outputs of evaluation
under `eval/`. `test/parity/torchModules.test.ts` loads them with `fromTorch`, compares the outputs,
and lets `torch_check.py` load what `toTorch` makes of them.
"""

import json
import sys
from pathlib import Path

from reference import source_folder

source_folder()

import safetensors.torch
import torch

from torch_check import construct, outputs

LINEAR = {"$module": "Linear", "in_features": 8, "out_features": 8}
SGD = {"$optimizer": "SGD", "lr": 0.1}
LEARNABLE = {"learnable_codebook": True, "ema_update": False}
FVQ = LEARNABLE | {"vq_bridge": LINEAR, "in_place_codebook_optimizer": SGD}

# Options of VectorQuantize that its kin take too.
CODEBOOK = [
    {"decay": 0.5}, {"eps": 1e-3}, {"freeze_codebook": True}, {"kmeans_iters": 3}, {"sync_kmeans": False},
    {"use_cosine_sim": True}, {"threshold_ema_dead_code": 2}, {"commitment_weight": 0.25}, {"commitment_weight": 0.0},
    {"commitment_use_cross_entropy_loss": True}, {"orthogonal_reg_weight": 1.0}, {"orthogonal_reg_max_codes": 4},
    {"orthogonal_reg_weight": 1.0, "orthogonal_reg_active_codes_only": True},
    {"codebook_diversity_loss_weight": 0.1, "codebook_diversity_temperature": 10.0},
    {"stochastic_sample_codes": True, "sample_codebook_temp": 0.5}, {"straight_through": True, "rotation_trick": False},
    {"rotation_trick": False}, {"rotation_trick": None}, {"directional_reparam": True, "threshold_ema_dead_code": 1},
    {"directional_reparam": True, "threshold_ema_dead_code": 1, "directional_reparam_variance": 0.1},
    {"sync_codebook": False}, {"sync_affine_param": False}, {"ema_update": False}, {"vq_bridge": LINEAR},
    {"manual_ema_update": True}, LEARNABLE, LEARNABLE | {"in_place_codebook_optimizer": SGD}, FVQ,
    FVQ | {"manual_in_place_optimizer_update": True}, {"orthogonal_reg_weight": 1.0, "in_place_codebook_optimizer": SGD},
    # Evaluation moves the statistics of the batch there, unless they keep all.
    {"affine_param": True, "affine_param_batch_decay": 1.0, "affine_param_codebook_decay": 0.5},
    LEARNABLE | {"sync_update_v": 0.5}, {"return_zeros_for_masked_padding": False}, {"route_gradients_to_input": False},
]
BEAMS = [{"beam_size": 1}, {"beam_size": 2, "eval_beam_size": 1}]
DROPOUT = [
    {"quantize_dropout": True}, {"quantize_dropout": True, "quantize_dropout_cutoff_index": 1},
    {"quantize_dropout": True, "quantize_dropout_multiple_of": 2},
]
RESIDUAL = [
    *DROPOUT, *BEAMS, {"codebook_dim": 4}, {"shared_codebook": True}, {"diveq": True, "threshold_ema_dead_code": 1},
    {"implicit_neural_codebook": True, "mlp_kwargs": {"depth": 2, "dim_hidden": 6}}, {"quant_grad_frac": 0.5},
    {"beam_score_quantizer_weights": [1.0, 0.5]}, {"separate_codebook_per_head": True}, {"layernorm_after_project_in": True},
]
BINARY = [
    {"entropy_loss_weight": 0.5}, {"commitment_loss_weight": 0.25}, {"diversity_gamma": 2.0},
    {"straight_through_activation": {"$module": "Tanh"}},
    {"straight_through_activation": {"$module": "PReLU", "num_parameters": 1}}, {"frac_per_sample_entropy": 0.5}, {"soft_clamp_input_value": 2.0},
    {"experimental_softplus_entropy_loss": True, "entropy_loss_offset": 2.0}, {"spherical": True},
    {"force_quantization_f32": False}, {"orthogonal_rotation": True},
]
UNREAD_BINARY = [{"has_projections": False}, {"projection_has_bias": False}, {"cosine_sim_project_in": True}, {"cosine_sim_project_in_scale": 2.0}]
SCALAR = [
    {"scale": 2.0}, {"allowed_dtypes": []}, {"projection_has_bias": False}, {"force_quantization_f32": False},
    {"orthogonal_rotation": True},
]

VQ = {"dim": 8, "codebook_size": 16}
RVQ = VQ | {"num_quantizers": 2}
BOTH = {"$module": "Linear", "in_features": 5, "out_features": 8}
GROUP = {"$module": "Linear", "in_features": 4, "out_features": 4}
SIM = [
    {"codebook_transform": LINEAR}, {"codebook_transform": BOTH, "frozen_codebook_dim": 5}, {"frozen_codebook_dim": 5},
    {"rotation_trick": False}, {"rotation_trick": None}, {"input_to_quantize_commit_loss_weight": 0.5}, {"commitment_weight": 2.0},
]

# (class, options that all have, more options, shape of the input, layout that its rank says)
TABLE = [
    ("VectorQuantize", VQ, [
        {}, *CODEBOOK, {"codebook_dim": 4}, {"codebook_dim": 4, "layernorm_after_project_in": True},
        {"heads": 2, "codebook_dim": 3}, {"heads": 2, "codebook_dim": 3, "separate_codebook_per_head": True},
        {"separate_codebook_per_head": True},
        {"heads": 2, "codebook_dim": 3, "separate_codebook_per_head": True, "orthogonal_reg_weight": 1.0, "orthogonal_reg_active_codes_only": True},
        FVQ | {"heads": 2, "codebook_dim": 8, "separate_codebook_per_head": True},
    ], (2, 12, 8), None),
    ("VectorQuantize", VQ, [{"channel_last": False}, {"channel_last": None}], (2, 8, 12), None),
    ("VectorQuantize", VQ, [{"accept_image_fmap": True}], (2, 8, 3, 4), None),
    ("VectorQuantize", VQ, [{"accept_3d_fmap": True}], (2, 8, 2, 2, 3), None),
    ("ResidualVQ", RVQ, [{}, *CODEBOOK, *RESIDUAL], (2, 12, 8), None),
    ("GroupedResidualVQ", RVQ | {"groups": 2}, [{}, *[
        {**options, **({"vq_bridge": GROUP} if "vq_bridge" in options else {})} for options in CODEBOOK
    ], *DROPOUT, {"codebook_dim": 3}, {"shared_codebook": True}], (2, 12, 8), None),
    ("RandomProjectionQuantizer", {"dim": 8, "codebook_dim": 4, "codebook_size": 16}, [
        {}, {"norm": False}, {"norm": None}, {"num_codebooks": 2}, {"num_codebooks": 3, "layernorm_after_project_in": True},
        {"num_codebooks": 2, "norm": False}, {"decay": 0.5}, {"layernorm_after_project_in": True}, {"orthogonal_reg_weight": 1.0},
        {"stochastic_sample_codes": True}, {"commitment_weight": 0.5}, {"threshold_ema_dead_code": 2},
        {"orthogonal_reg_weight": 1.0, "in_place_codebook_optimizer": SGD}, {"straight_through": True, "rotation_trick": False},
    ], (2, 12, 8), None),
    ("FSQ", {"levels": [5, 5, 5]}, [
        {}, *SCALAR, {"dim": 7}, {"dim": 7, "projection_has_bias": False}, {"num_codebooks": 2, "dim": 6}, {"keep_num_codebooks_dim": True},
        {"preserve_symmetry": True}, {"preserve_symmetry": True, "noise_dropout": 0.5}, {"bound_hard_clamp": True},
    ], (2, 12, -1), None),
    ("FSQ", {"levels": [5, 5, 5]}, [{"channel_first": True}], (2, 3, 12), None),
    ("FSQ", {"levels": [5, 5, 5]}, [{}], (2, 3, 4, 5), "image"),
    ("FSP", {"levels": [8, 5, 5]}, [
        {}, {"dim": 7}, {"dim": 7, "projection_has_bias": False}, {"act_name": "normal"}, {"act_name": "laplace", "need_inv_act": True},
        {"quantize_rate": 0.5}, {"vector_norm": "kurt"}, {"vec_norm": {"l1_target": 0.5, "l4_weight": 0.2}},
    ], (2, 12, -1), None),
    ("FSP", {"levels": [8, 5, 5]}, [{"channel_first": True}], (2, 3, 12), None),
    ("LFQ", {"codebook_size": 16}, [
        {}, *BINARY, {"dim": 7}, {"dim": 7, "projection_has_bias": False}, {"dim": 7, "cosine_sim_project_in": True},
        {"dim": 7, "cosine_sim_project_in": True, "cosine_sim_project_in_scale": 2.0}, {"num_codebooks": 2}, {"keep_num_codebooks_dim": True},
        {"codebook_scale": 0.5}, {"has_projections": True},
    ], (2, 12, -1), None),
    ("LFQ", {"codebook_size": 16}, [{}, {"channel_first": True}], (2, 4, 3, 4), "image"),
    ("ResidualLFQ", {"dim": 8, "codebook_size": 16, "num_quantizers": 2}, [{}, *DROPOUT, *BINARY, *UNREAD_BINARY], (2, 12, 8), None),
    ("ResidualLFQ", {"dim": 4, "codebook_size": 16, "num_quantizers": 2}, [{"channel_first": True}], (2, 4, 12), None),
    ("GroupedResidualLFQ", {"dim": 8, "groups": 2, "codebook_size": 16, "num_quantizers": 2}, [{}, *DROPOUT, *BINARY, *UNREAD_BINARY], (2, 12, 8), None),
    ("ResidualFSQ", {"levels": [5, 5, 5], "num_quantizers": 2}, [
        {}, *DROPOUT, *SCALAR, {"dim": 7}, {"bound_hard_clamp": False}, {"bound_hard_clamp": None},
        {"bound_hard_clamp": False, "soft_clamp_input_value": 2.0}, {"bound_hard_clamp": False, "soft_clamp_input_value": [1.0, 2.0, 3.0]},
        {"noise_dropout": 0.5},
    ], (2, 12, -1), None),
    ("ResidualFSQ", {"levels": [5, 5, 5], "num_quantizers": 2}, [{"is_channel_first": True}], (2, 3, 12), None),
    ("GroupedResidualFSQ", {"levels": [5, 5, 5], "num_quantizers": 2, "dim": 8, "groups": 2}, [{}, *DROPOUT, *SCALAR], (2, 12, 8), None),
    ("LatentQuantize", {"levels": [5, 5, 8], "dim": 3}, [
        {}, {"commitment_loss_weight": 0.5}, {"quantization_loss_weight": 0.0}, {"keep_num_codebooks_dim": True},
        {"optimize_values": False}, {"optimize_values": None}, {"in_place_codebook_optimizer": SGD}, {"dim": 7},
        {"dim": 6, "num_codebooks": 2}, {"levels": 5, "codebook_dim": 3}, {"optimize_values": False, "in_place_codebook_optimizer": SGD},
    ], (2, -1, 12), None),
    ("SimVQ", VQ, [{}, *SIM], (2, 12, 8), None),
    ("SimVQ", VQ, [{"channel_first": True}], (2, 8, 12), None),
    ("ResidualSimVQ", RVQ, [{}, *SIM, *DROPOUT], (2, 12, 8), None),
    ("ResidualSimVQ", RVQ, [{"channel_first": True}], (2, 8, 12), None),
    ("BinaryMapper", {"bits": 4, "deterministic_on_eval": True}, [{}, {"kl_loss_threshold": 0.5}], (2, 12, 4), None),
    ("HierarchicalVQ", {"dim": 8, "codebook_size": 16, "scales": [1, 2, 4], "accept_image_fmap": True, "kmeans_init": False}, [
        {}, {"decay": 0.5}, {"commitment_weight": 0.5}, {"rotation_trick": True}, {"kmeans_iters": 3}, {"threshold_ema_dead_code": 0},
        {"stochastic_sample_codes": True, "sample_codebook_temp": 0.5}, {"orthogonal_reg_weight": 1.0},
        {"orthogonal_reg_weight": 1.0, "orthogonal_reg_max_codes": 4}, {"orthogonal_reg_active_codes_only": True},
        {"quant_resi": 0.0}, {"quant_resi": -0.5}, {"share_quant_resi": 0}, {"share_quant_resi": 2},
    ], (2, 8, 4, 4), None),
]


def width(module: torch.nn.Module, kwargs: dict) -> int:
    return kwargs.get("dim") or (len(kwargs["levels"]) if "levels" in kwargs else module.dim)


def write(folder: Path, name: str, class_name: str, kwargs: dict, shape: tuple, layout: str | None):
    module = construct(class_name, kwargs).eval()
    x = torch.randn([width(module, kwargs) if side == -1 else side for side in shape]) * 1.5
    # A first call makes the buffers of affine maps.
    if kwargs.get("affine_param"):
        module.train()(x.clone().requires_grad_())
        module.eval()
    state = {f"state/{key}": value.detach().clone().contiguous() for key, value in module.state_dict().items()}
    # Theirs is noised in evaluation too with `diveq`.
    seen = {name: value for name, value in outputs(module, x).items() if name != "quantized" or not kwargs.get("diveq")}
    seen = {f"eval/{key}": value.detach().clone().contiguous() for key, value in seen.items()}
    safetensors.torch.save_file({**state, **seen, "x": x.contiguous()}, folder / f"{name}.safetensors")
    told = {"class": class_name, "kwargs": kwargs, **({"layout": layout} if layout else {})}
    (folder / f"{name}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    number = 0
    for class_name, base, rows, shape, layout in TABLE:
        for options in rows:
            torch.manual_seed(number)
            write(folder, f"{number:03}-{class_name}", class_name, base | options, shape, layout)
            number += 1
