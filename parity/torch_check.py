"""Loads what `toTorch` wrote into the reference, runs it, and writes what it does and what it is then.

    python parity/torch_check.py FOLDER

Each `<name>.json` in the folder holds `class`, `kwargs`, and `training` where no step is wanted, and `<name>.safetensors` a `state_dict`
under `state/` and an input under `x`. `<name>.theirs.safetensors` gets the outputs of evaluation
under `eval/`, those of a training step under `train/`, and the `state_dict` after it under `state/`.
`torchConversion.test.ts`, `torchLookupFree.test.ts` and `torchModules.test.ts` in `test/parity/` write
the former and compare the latter with our quantizers.
"""

import json
import sys
from pathlib import Path

from reference import source_folder

source_folder()

import safetensors.torch
import torch
import vector_quantize_pytorch as reference

from case import build


def construct(name: str, kwargs: dict) -> torch.nn.Module:
    """The module, with PyTorch's objects in the places of those that stand for them, as in `cases/`."""
    norm = kwargs.get("vec_norm")
    given = {key: build(value) for key, value in kwargs.items() if key != "vec_norm"}
    module = getattr(reference, name)(**given)
    if norm:
        module.vector_norm = reference.finite_scalar_perturbation.VectorNorm(**norm)
    return module


def load(module: torch.nn.Module, state: dict[str, torch.Tensor]):
    """`load_state_dict`, to which some buffers are known from the first call on only."""
    for name, value in state.items():
        *path, last = name.split(".")
        owner = module.get_submodule(".".join(path))
        if last in owner._buffers and owner._buffers[last] is None:
            owner.register_buffer(last, torch.empty_like(value))
    module.load_state_dict(state)


def outputs(module: torch.nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    asked = {"return_indices": True} if isinstance(module, reference.BinaryMapper) else {}
    if isinstance(module, reference.RandomProjectionQuantizer):
        return {"indices": module(x).to(torch.int32)}
    quantized, indices, *losses = module(x, **asked)
    if getattr(module, "is_channel_first", False):  # the axis of layers, which stands second there
        indices = indices.movedim(1, -1)
    if isinstance(indices, tuple):  # maps of several scales
        indices = torch.cat([part.flatten(1) for part in indices], dim=1)
    named = {"quantized": quantized, "indices": indices.to(torch.int32)}
    return {**named, "loss": losses[0]} if losses else named  # FSQ has no loss


def check(description: Path):
    told = json.loads(description.read_text())
    tensors = safetensors.torch.load_file(description.with_suffix(".safetensors"))
    state = {name.removeprefix("state/"): value for name, value in tensors.items() if name != "x"}
    module = construct(told["class"], told["kwargs"])
    load(module, state)
    parts = {"eval": outputs(module.eval(), tensors["x"])}
    if told.get("training", True):
        # Evaluation moves the statistics of an affine map there.
        load(module, state)
        parts["train"] = outputs(module.train(), tensors["x"].requires_grad_())
        parts["state"] = module.state_dict()
    named = {f"{part}/{name}": value.detach().contiguous() for part, values in parts.items() for name, value in values.items()}
    safetensors.torch.save_file(named, description.with_suffix(".theirs.safetensors"))


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        check(path)
