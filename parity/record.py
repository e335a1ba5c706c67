"""Records what the reference does, as files that the parity tests compare our quantizers with.

    python parity/record.py              records every case of every table into parity/cases
    python parity/record.py vq-mask      only the cases whose name contains "vq-mask"
    python parity/record.py --check      records into memory; exit code 1 if a file differs

README.md beside this file tells the format and the policy of comparison. Nothing of the reference
is replaced but its random draws, which are recorded as they come.
"""

import argparse
import json
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path

from reference import HERE, PACKAGE, VERSION, source_folder

source_folder()

import safetensors.torch
import torch
import vector_quantize_pytorch as reference

from case import Case, Produced, Step
from tables import TABLES

TORCH = "2.13.0"
CASES = HERE / "cases"
# Every recorded vector prefers its code to the next one by this much of the distance, so a test can
# ask for equal indices. Near-ties are avoided by taking the next seed.
SMALLEST_MARGIN = 1e-4

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


class Draws:
    """Wraps the functions that draw random numbers and keeps what they gave."""

    FUNCTIONS = (
        (torch, "randperm"),
        (torch, "randint"),
        (torch, "rand_like"),
        (torch, "randn_like"),
        (torch.Tensor, "uniform_"),
    )

    def __init__(self):
        self.drawn: list[tuple[str, torch.Tensor]] = []

    @contextmanager
    def recording(self):
        self.drawn = []
        kept = [(owner, name, getattr(owner, name)) for owner, name in self.FUNCTIONS]
        try:
            for owner, name, function in kept:
                setattr(owner, name, self._wrap(name, function))
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)

    def _wrap(self, name, function):
        def draw(*args, **kwargs):
            out = function(*args, **kwargs)
            self.drawn.append((name, out.detach().clone()))
            return out

        return draw


def margin(distances: torch.Tensor, rank: int, cosine: bool) -> float:
    """The smallest relative gap between the `rank` nearest codes of a vector and the one after."""
    count = distances.shape[-1]
    if count == 1:
        return float("inf")
    nearest = distances.topk(min(rank + 1, count)).values
    gaps = nearest[..., :-1] - nearest[..., 1:]
    # Cosine scores have unit scale; distances are compared with their own size.
    return (gaps if cosine else gaps / nearest[..., 1:].abs()).min().item()


class Recording:
    """One case, run once with one seed: its tensors, its steps and its margin."""

    def __init__(self, case: Case, seed: int):
        self.case, self.seed = case, seed
        self.tensors: dict[str, torch.Tensor] = {}
        self.steps: list[dict] = []
        self.margin = float("inf")
        self.inputs = torch.Generator().manual_seed(seed + 1)
        torch.manual_seed(seed)
        self.module = getattr(reference, case.class_name)(**case.built_options())
        self.module.train(case.training)
        case.prepare(self.module, self.inputs)
        self.state = self._snapshot()
        self._store("state", self.state)
        self._watch()
        for number, step in enumerate(case.steps):
            self._run(number, step)

    def _watch(self):
        """A forward hook on each codebook reads the distances; it changes nothing."""
        for name, module in self.module.named_modules():
            if type(module).__name__ == "Codebook":
                module.register_forward_hook(self._measure, with_kwargs=True)

    def _measure(self, codebook, args, kwargs, output):
        if self.case.sampled:
            return
        rank = kwargs.get("topk") or 1
        self.margin = min(self.margin, margin(output[2].detach(), rank, codebook.use_cosine_sim))

    def _snapshot(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.module.state_dict().items()}

    def _store(self, prefix: str, values: dict[str, torch.Tensor]):
        for name, value in values.items():
            value = value.detach()
            if value.dtype == torch.int64:
                value = value.to(torch.int32)
            elif value.dtype != torch.bool:
                value = value.to(torch.float32)
            self.tensors[f"{prefix}/{name}"] = value.contiguous().clone()

    def _run(self, number: int, step: Step):
        prefix = f"step{number}"
        draws = Draws()
        wants_gradients = self.case.gradients and step.method == "forward"
        if wants_gradients:
            self.module.zero_grad(set_to_none=True)
        arguments = step.arguments(self.case, self.inputs, self.tensors)
        if step.method == "forward" and "x" in arguments and self.module.training:
            arguments["x"].requires_grad_(True)
        tensors = {k: v for k, v in arguments.items() if isinstance(v, torch.Tensor)}
        self._store(f"{prefix}/in", tensors)
        if self.case.margin and step.method == "forward":
            self.margin = min(self.margin, self.case.margin(self.module, arguments["x"].detach()))
        with draws.recording():
            outputs = step.call(self.module, arguments)
        self._store(f"{prefix}/out", outputs)
        self._store(f"{prefix}/draw", {f"{i}/{name}": t for i, (name, t) in enumerate(draws.drawn)})
        if wants_gradients:
            self._differentiate(prefix, arguments["x"], outputs)
        self._store_changes(prefix)
        self.steps.append(
            {
                "method": step.method,
                "arguments": {
                    k: v.to_json() if isinstance(v, Produced) else v for k, v in step.plain().items()
                },
            }
        )

    def _differentiate(self, prefix: str, x: torch.Tensor, outputs: dict[str, torch.Tensor]):
        """Gradients of `sum(quantized * weight) + sum(loss)`, with a recorded random weight."""
        objective = outputs["loss"].sum()
        if "quantized" in outputs:
            weight = torch.randn(outputs["quantized"].shape, generator=self.inputs)
            self._store(f"{prefix}/in", {"weight": weight})
            objective = objective + (outputs["quantized"] * weight).sum()
        objective.backward()
        gradients = {"x": x.grad} | {n: p.grad for n, p in self.module.named_parameters()}
        self._store(f"{prefix}/grad", {n: g for n, g in gradients.items() if g is not None})

    def _store_changes(self, prefix: str):
        before, self.state = self.state, self._snapshot()
        changed = {
            name: value
            for name, value in self.state.items()
            if name not in before or not torch.equal(before[name], value)
        }
        self._store(f"{prefix}/state", changed)

    def description(self) -> dict:
        case = self.case
        return {
            "name": case.name,
            "reference": {"package": PACKAGE, "version": VERSION, "torch": TORCH, "seed": self.seed},
            "class": case.class_name,
            "kwargs": case.options,
            "training": case.training,
            **({"waits": case.waits} if case.waits else {}),
            **({"compare": case.compare} if case.compare else {}),
            **({"note": case.note} if case.note else {}),
            "steps": self.steps,
        }


def record(case: Case) -> tuple[bytes, bytes]:
    """The JSON and the safetensors file of a case, from the first seed without near-ties."""
    first = zlib.crc32(case.name.encode()) % 100_000
    for seed in range(first, first + 200):
        recording = Recording(case, seed)
        if recording.margin >= SMALLEST_MARGIN:
            text = json.dumps(recording.description(), indent=2) + "\n"
            return text.encode(), safetensors.torch.save(recording.tensors)
    sys.exit(f"{case.name}: every seed from {first} to {first + 199} has a near-tie; use fewer vectors or codes")


def write(path: Path, content: bytes):
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_bytes(content)
    partial.rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="", help="record only cases whose name contains this")
    parser.add_argument("--check", action="store_true", help="compare with the files; write nothing")
    arguments = parser.parse_args()
    if torch.__version__.split("+")[0] != TORCH:
        sys.exit(f"torch: expected version {TORCH}, got {torch.__version__}")
    cases = [case for table in TABLES for case in table]
    names = [case.name for case in cases]
    if len(set(names)) != len(names):
        sys.exit(f"cases: expected unique names, got {sorted(n for n in names if names.count(n) > 1)}")

    different, size, chosen = [], 0, [case for case in cases if arguments.part in case.name]
    CASES.mkdir(exist_ok=True)
    for case in chosen:
        for path, content in zip((CASES / f"{case.name}.json", CASES / f"{case.name}.safetensors"), record(case)):
            size += len(content)
            if not path.exists() or path.read_bytes() != content:
                different.append(path.name)
                if not arguments.check:
                    write(path, content)
    stale = [p.name for p in sorted(CASES.iterdir()) if p.stem not in names]
    if not arguments.check:
        for name in stale:
            (CASES / name).unlink()
    print(f"{len(chosen)} cases, {size / 1024:.0f} KB, {len(different)} files differ, {len(stale)} stale")
    if arguments.check and (different or stale):
        print("\n".join(different + stale))
        sys.exit(1)


if __name__ == "__main__":
    main()
