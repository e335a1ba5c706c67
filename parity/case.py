"""What a recorded case consists of. The tables in `tables/` are lists of these."""

from dataclasses import dataclass, field
from typing import Callable

import torch
from torch import nn


@dataclass(frozen=True)
class Produced:
    """An argument that is made when the step runs: a random tensor, a function, an earlier output."""

    make: Callable
    label: str | None = None

    def to_json(self):
        return {"function": self.label} if self.label else {"tensor": True}


def tensor(*values) -> Produced:
    """A tensor argument with these values."""
    return Produced(lambda case, generator, tensors: torch.tensor(values[0] if len(values) == 1 else values))


def randn(*shape: int, scale: float = 1.0) -> Produced:
    """A tensor argument with normal entries."""
    return Produced(lambda case, generator, tensors: torch.randn(shape, generator=generator) * scale)


def clusters(*shape: int) -> Produced:
    """A tensor argument whose vectors stand around two far centres, `c` and `-c`."""
    def make(case, generator, tensors):
        centre = torch.randn(shape[-1], generator=generator)
        sides = torch.randint(0, 2, (*shape[:-1], 1), generator=generator) * 2 - 1
        return sides * centre * 3 + torch.randn(shape, generator=generator) * 0.5

    return Produced(make)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Produced:
    """A tensor argument with uniform entries."""
    return Produced(
        lambda case, generator, tensors: torch.rand(shape, generator=generator) * (high - low) + low
    )


def randint(high: int, *shape: int) -> Produced:
    """A tensor argument of indices below `high`."""
    return Produced(lambda case, generator, tensors: torch.randint(0, high, shape, generator=generator))


def mask(*lengths: int, size: int = 12) -> Produced:
    """A bool mask [B, size] that is true for the first `lengths[b]` positions, then for every third."""
    def make(case, generator, tensors):
        positions = torch.arange(size)
        return (positions < torch.tensor(lengths)[:, None]) | (positions % 3 == 2)

    return Produced(make)


def earlier(name: str) -> Produced:
    """A tensor that an earlier step gave or took, such as `step0/out/indices`."""
    return Produced(lambda case, generator, tensors: tensors[name].long())


def function(label: str, call: Callable) -> Produced:
    """A function argument; the test knows it by its label."""
    return Produced(lambda case, generator, tensors: call, label)


# How a class is called and what it gives, for classes that are not called as VectorQuantize is:
# (module, arguments) to named tensors. The tables fill it.
FORWARDS: dict[str, Callable[[nn.Module, dict], dict[str, torch.Tensor]]] = {}


@dataclass(frozen=True)
class Step:
    """One call. `method` is `forward`, another method, `_codebook.<method>`, or `codebook =`."""

    method: str = "forward"
    given: dict = field(default_factory=dict)

    def plain(self) -> dict:
        return {k: v for k, v in self.given.items() if k != "x"}

    def arguments(self, case: "Case", generator: torch.Generator, tensors: dict) -> dict:
        given = dict(self.given)
        if self.method == "forward" and "x" not in given:
            given["x"] = randn(*case.x, scale=case.scale)
        return {
            name: value.make(case, generator, tensors) if isinstance(value, Produced) else value
            for name, value in given.items()
        }

    def call(self, module: nn.Module, arguments: dict) -> dict[str, torch.Tensor]:
        if self.method == "codebook =":
            module.codebook = arguments["codes"]
            return {}
        if self.method != "forward":
            target = module
            *path, name = self.method.split(".")
            for part in path:
                target = getattr(target, part)
            out = getattr(target, name)(**arguments)
            return {} if out is None else {"result": out}
        if type(module).__name__ in FORWARDS:
            return FORWARDS[type(module).__name__](module, arguments)
        if arguments.get("indices") is not None:
            # The vectors that come beside this loss are those of inside: unmerged, unprojected.
            return {"loss": module(**arguments)[1]}
        quantized, indices, loss, parts = module(**arguments, return_loss_breakdown=True)
        losses = {f"losses/{name}": value for name, value in parts._asdict().items()}
        return {"quantized": quantized, "indices": indices, "loss": loss, **losses}


def forward(**given) -> Step:
    return Step("forward", given)


def call(method: str, **given) -> Step:
    return Step(method, given)


def build(value):
    """A constructor option from its JSON: `{"$optimizer": "SGD", "lr": 0.1}`, `{"$module": "Linear", ...}`."""
    if isinstance(value, dict) and "$optimizer" in value:
        settings = {k: v for k, v in value.items() if k != "$optimizer"}
        return lambda parameters: getattr(torch.optim, value["$optimizer"])(parameters, **settings)
    if isinstance(value, dict) and "$module" in value:
        return getattr(nn, value["$module"])(**{k: v for k, v in value.items() if k != "$module"})
    return value


@dataclass
class Case:
    """A recorded case: how the reference is built, what it is given, and how a test compares it."""

    name: str
    class_name: str
    options: dict
    x: tuple[int, ...]
    training: bool = True
    steps: tuple[Step, ...] = (Step(),)
    # Gradients are recorded in training unless the reference's are wrong.
    gradients: bool | None = None
    # The option of the reference that our quantizer does not have yet.
    waits: str | None = None
    # How a test compares what depends on random draws; README.md lists the words.
    compare: str | None = None
    note: str | None = None
    scale: float = 1.0
    # Changes the fresh module before anything is recorded.
    prepare: Callable = lambda module, generator: None
    # The indices depend on noise, so that their margin says nothing.
    sampled: bool = False
    # How far an input is from where rounding would decide otherwise: (module, x) to a number.
    margin: Callable[[nn.Module, torch.Tensor], float] | None = None

    def __post_init__(self):
        if self.gradients is None:
            self.gradients = self.training

    def built_options(self) -> dict:
        return {name: build(value) for name, value in self.options.items()}
