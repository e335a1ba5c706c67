"""Cases of BinaryMapper: one line each. 4 bits unless an entry says otherwise."""

from case import FORWARDS, Case, call, forward, randint, randn


def call_binary_mapper(module, arguments):
    given = {k: v for k, v in arguments.items() if k != "x"}
    one_hot, indices, loss = module(arguments["x"], return_indices=True, **given)
    return {"quantized": one_hot, "indices": indices, "loss": loss, "losses/kl": loss}


FORWARDS["BinaryMapper"] = call_binary_mapper


def mapper(name, options=None, *, bits=4, x=(2, 12), steps=None, evaluate=False, **rest):
    options = {"bits": bits, **(options or {})}
    steps = tuple(steps or (forward(),))
    margin = (lambda module, logits: logits.abs().min().item()) if evaluate else None
    return Case(f"binary-{name}", "BinaryMapper", options, (*x, bits), not evaluate, steps, margin=margin, **rest)


DRAWN = "drawn"
SURE = {"deterministic_on_eval": True}

BINARY_MAPPER = [
    mapper("train", compare=DRAWN),
    mapper("one-bit-train", bits=1, compare=DRAWN),
    mapper("eight-bits-train", bits=8, compare=DRAWN),
    mapper("one-vector-train", x=(1,), compare=DRAWN),
    mapper("image-train", x=(2, 3, 4), compare=DRAWN),
    mapper("sure-input-train", scale=10.0, compare=DRAWN),
    mapper("undecided-input-train", scale=0.1, compare=DRAWN),
    mapper("temperature-train", steps=[forward(temperature=0.3)], compare=DRAWN),
    mapper("threshold-0-train", {"kl_loss_threshold": 0.0}, compare=DRAWN),
    mapper("threshold-2-train", {"kl_loss_threshold": 2.0}, scale=3.0, compare=DRAWN),
    mapper("eval", SURE, evaluate=True),
    mapper("eight-bits-eval", SURE, bits=8, evaluate=True),
    mapper("temperature-eval", SURE, steps=[forward(temperature=0.3)], evaluate=True),
    mapper("drawn-eval", evaluate=True, compare=DRAWN),
    mapper("log-probability", steps=[call("log_prob", logits=randn(2, 12, 4), indices=randint(16, 2, 12))], evaluate=True),
    mapper("log-probability-per-bit", steps=[call("log_prob", logits=randn(2, 12, 4), indices=randint(16, 2, 12), sum_bits=False)], evaluate=True),
    mapper("log-probability-sure", steps=[call("log_prob", logits=randn(2, 12, 4, scale=30.0), indices=randint(16, 2, 12))], evaluate=True),
    mapper("entropy", steps=[call("binary_entropy", logits=randn(2, 12, 4, scale=3.0))], evaluate=True),
    mapper("kl-loss", steps=[call("calc_aux_loss", logits=randn(2, 12, 4, scale=3.0), reduce_aux_kl_loss=False)], evaluate=True),
    mapper("kl-loss-threshold-0", {"kl_loss_threshold": 0.0}, steps=[call("calc_aux_loss", logits=randn(2, 12, 4), reduce_aux_kl_loss=False)], evaluate=True),
]
