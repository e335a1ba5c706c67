"""Records the quantizers of known codecs with random weights, as a file that a test compares ours with.

    python parity/codecs/record.py            writes parity/codecs/cases.safetensors
    python parity/codecs/record.py --check    compares instead; exit code 1 if it differs
    python parity/codecs/record.py --large X  writes X: published sizes and more vectors, for a check by hand
    python parity/codecs/record.py --whole X  writes X: DAC whole in its published size, for a check by hand

DAC, EnCodec and Mimi are the models of Hugging Face's `transformers`. SNAC is in no package of theirs: its
quantizer is written here after its paper and the names and shapes of its published files.
"""

import argparse
import json
import zlib
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
import transformers
from torch import nn
from torch.nn.utils import parametrizations
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel, MimiConfig, MimiModel

TORCH, TRANSFORMERS = "2.13.0", "5"
FILE = Path(__file__).parent / "cases.safetensors"


class SnacLayer(nn.Module):
    """A layer of SNAC: means of `stride` steps, codes by direction, each for all of its steps."""

    def __init__(self, dim, codebook_size, codebook_dim, stride):
        super().__init__()
        self.stride = stride
        self.in_proj = parametrizations.weight_norm(nn.Conv1d(dim, codebook_dim, 1))
        self.out_proj = parametrizations.weight_norm(nn.Conv1d(codebook_dim, dim, 1))
        self.codebook = nn.Embedding(codebook_size, codebook_dim)

    def encode(self, x):
        latents = self.in_proj(F.avg_pool1d(x, self.stride, self.stride)).movedim(1, -1)
        codes = F.normalize(self.codebook.weight)
        return (F.normalize(latents, dim=-1) @ codes.t()).argmax(-1)  # [B, T / stride]

    def decode(self, indices):
        codes = self.out_proj(self.codebook(indices).movedim(-1, 1))
        return codes.repeat_interleave(self.stride, dim=-1)


class Snac(nn.Module):
    def __init__(self, latent_dim, codebook_size, codebook_dim, vq_strides):
        super().__init__()
        layers = [SnacLayer(latent_dim, codebook_size, codebook_dim, each) for each in vq_strides]
        self.quantizer = nn.Module()
        self.quantizer.quantizers = nn.ModuleList(layers)


def run_snac(model, x):
    residual, codes = x, []
    for layer in model.quantizer.quantizers:
        codes.append(layer.encode(residual))
        residual = residual - layer.decode(codes[-1])
    decoded = sum(layer.decode(own) for layer, own in zip(model.quantizer.quantizers, codes))
    return {"codes": torch.cat(codes, 1), "decoded": decoded}


def run_dac(model, x):
    _, codes, _, _, _ = model.quantizer(x)  # [B, Q, T]
    return {
        "codes": codes.movedim(1, -1),
        "decoded": model.quantizer.from_codes(codes)[0],
        "coarse": model.quantizer.from_codes(codes[:, :2])[0],
    }


def run_encodec(model, x):
    codes = model.quantizer.encode(x)  # [Q, B, T]
    return {
        "codes": codes.movedim(0, -1),
        "decoded": model.quantizer.decode(codes),
        "coarse": model.quantizer.decode(codes[:2]),
    }


def run_mimi(model, x):
    codes = model.quantizer.encode(x).transpose(0, 1)  # [B, Q, T]
    return {
        "codes": codes.movedim(1, -1),
        "decoded": model.quantizer.decode(codes),
        "coarse": model.quantizer.decode(codes[:, :1]),
    }


def cases(large):
    """Name, its configuration, the model, how it runs, and the shape of its input."""
    torch.manual_seed(0)
    small = {"encoder_hidden_size": 4, "downsampling_ratios": [2, 2], "decoder_hidden_size": 8}
    sizes = {} if large else {"n_codebooks": 4, "codebook_size": 32, "codebook_dim": 4}
    config = DacConfig(**({} if large else small), **sizes)
    yield "dac", config.to_dict(), DacModel(config), run_dac, (2, config.hidden_size, 13)

    sizes = {"num_filters": 2, "hidden_size": 12, "codebook_size": 32, "num_lstm_layers": 1}
    config = EncodecConfig(**({} if large else {**sizes, "target_bandwidths": [1.5, 3.0]}))
    yield "encodec", config.to_dict(), EncodecModel(config), run_encodec, (2, config.hidden_size, 13)

    sizes = {
        **{"hidden_size": 16, "num_filters": 2, "num_hidden_layers": 1, "intermediate_size": 8},
        **{"num_attention_heads": 2, "num_key_value_heads": 2, "codebook_size": 32},
        **{"codebook_dim": 8, "vector_quantization_hidden_dimension": 8, "num_quantizers": 5},
        **{"upsample_groups": 16},
    }
    config = MimiConfig(**({} if large else sizes))
    yield "mimi", config.to_dict(), MimiModel(config), run_mimi, (2, config.hidden_size, 13)

    config = {"codebook_size": 32, "codebook_dim": 4, "vq_strides": [4, 2, 1], "latent_dim": 12}
    if large:
        config = {"codebook_size": 4096, "codebook_dim": 8, "vq_strides": [4, 2, 1], "latent_dim": 768}
    model = Snac(*(config[key] for key in ["latent_dim", "codebook_size", "codebook_dim", "vq_strides"]))
    yield "snac", config, model, run_snac, (2, config["latent_dim"], 12)


def randomise(model):
    """Weights of the size of what they meet, so that every layer has something left to do."""
    for name, tensor in model.quantizer.state_dict().items():
        if name.endswith(("inited", "initialized")):
            continue
        if name.endswith("cluster_usage"):
            tensor.copy_(torch.rand_like(tensor) * 4)
            tensor[0] = 0  # below the least that sums are divided by
        elif name.endswith("embed_sum"):
            tensor.normal_(std=0.5)
            tensor[0] = 1e-6
        elif "proj" in name and tensor.ndim == 3 and "original0" not in name:
            tensor.normal_(std=tensor.shape[1] ** -0.5)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.7)


def record(name, config, model, run, shape):
    torch.manual_seed(zlib.crc32(name.encode()))
    model = model.eval()
    with torch.no_grad():
        randomise(model)
        x = torch.randn(shape)
        out = run(model, x)
    own = {key: value for key, value in model.state_dict().items() if key.startswith("quantizer.")}
    other = {key: value for key, value in model.state_dict().items() if key not in own}
    own |= dict(list(other.items())[:1])  # one that our reader passes over
    tensors = {"x": x, **out} | {f"state/{key}": value for key, value in own.items()}
    return {f"{name}/{key}": stored(value) for key, value in tensors.items()}


def whole_dac(config, length):
    """DAC from sound to sound: a model with random weights, what it hears, its codes, what it says."""
    torch.manual_seed(1)
    model = DacModel(config).eval()
    with torch.no_grad():
        randomise(model)
        for name, tensor in model.state_dict().items():
            if name.startswith("quantizer."):
                continue
            if name.endswith("alpha"):
                tensor.uniform_(0.5, 2)
            elif name.endswith("bias"):
                tensor.normal_(std=0.1)
            elif tensor.ndim == 3:
                # Residual units add to what they get: smaller ones keep the sums in their size.
                fan = tensor[0].numel() if "conv_t" not in name else tensor.shape[0] * 2
                tensor.normal_(std=(0.3 if "res_unit" in name else 0.7) * fan**-0.5)
        model.apply_weight_norm()
        x = torch.rand(2 if length < 1000 else 1, 1, length) * 2 - 1
        codes = model.encode(x).audio_codes
        sound = model.decode(audio_codes=codes).audio_values
    tensors = {f"state/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {"x": x[:, 0], "codes": codes.movedim(1, -1), "sound": sound.reshape(len(x), -1)}
    return {name: stored(tensor) for name, tensor in tensors.items()}


def stored(tensor):
    tensor = tensor.detach().contiguous().clone()
    return tensor.to(torch.int32) if tensor.dtype == torch.int64 else tensor


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--large", type=Path)
    parser.add_argument("--whole", type=Path)
    parser.add_argument("--steps", type=int, default=4000, help="of each series, with --large")
    arguments = parser.parse_args()
    if torch.__version__.split("+")[0] != TORCH:
        raise SystemExit(f"expected torch {TORCH}, got {torch.__version__}")
    if transformers.__version__.split(".")[0] != TRANSFORMERS:
        raise SystemExit(f"expected transformers {TRANSFORMERS}, got {transformers.__version__}")
    if arguments.whole:
        config = DacConfig(downsampling_ratios=[2, 4, 8, 8], sampling_rate=44100)
        tensors = whole_dac(config, 512 * 43)
        safetensors.torch.save_file(tensors, arguments.whole)
        return
    tensors, configs = {}, {}
    for name, config, model, run, shape in cases(arguments.large is not None):
        shape = (*shape[:2], arguments.steps) if arguments.large else shape
        tensors |= record(name, config, model, run, shape)
        configs[name] = {key: value for key, value in config.items() if type(value) in (int, list)}
    sizes = {"encoder_hidden_size": 3, "downsampling_ratios": [2, 3], "decoder_hidden_size": 8}
    small = DacConfig(**sizes, n_codebooks=3, codebook_size=32, codebook_dim=4)
    for key, value in whole_dac(small, 60).items():
        tensors[f"dacModel/{key}"] = value
    if not arguments.check:
        metadata = {"configs": json.dumps(configs)}
        safetensors.torch.save_file(tensors, arguments.large or FILE, metadata)
        return
    known = safetensors.torch.load_file(FILE)
    differs = known.keys() != tensors.keys() or any(
        not torch.allclose(known[name].double(), tensors[name].double(), rtol=1e-4, atol=1e-6)
        for name in known
    )
    if differs:
        raise SystemExit(f"{FILE} differs from what was recorded")


if __name__ == "__main__":
    main()
