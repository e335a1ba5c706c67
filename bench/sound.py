"""Descript's codec with random weights, for `bench/sound.mjs`: its files, and PyTorch's side of the pairs.

    python bench/sound.py --out dac            writes dac/model.safetensors, encode.onnx, decode.onnx
    python bench/sound.py --serve dac/model.safetensors
                                               runs what it reads, a line each, and prints milliseconds

The sizes are those of descript/dac_44khz; what is heard is noise.
"""

import argparse
import sys
import time
from pathlib import Path

import safetensors.torch
import torch
from transformers import DacConfig, DacModel

SAMPLES, HOP = 22528, 512


class Encode(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model.encode(x, return_dict=True).audio_codes


class Decode(Encode):
    def forward(self, codes):
        return self.model.decode(audio_codes=codes, return_dict=True).audio_values


def model_of(state=None):
    torch.manual_seed(0)
    model = DacModel(DacConfig(downsampling_ratios=[2, 4, 8, 8], sampling_rate=44100)).eval()
    if state is not None:
        model.load_state_dict(state)
    return model


def inputs(model):
    x = torch.rand(1, 1, SAMPLES, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return x, torch.zeros(1, model.config.n_codebooks, SAMPLES // HOP, dtype=torch.int64)


def export(out):
    out.mkdir(parents=True, exist_ok=True)
    model = model_of()
    x, codes = inputs(model)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(tensors, out / "model.safetensors")
    for name, wrap, given in [("encode", Encode, x), ("decode", Decode, codes)]:
        path = str(out / f"{name}.onnx")
        torch.onnx.export(wrap(model), (given,), path, dynamo=False, input_names=["x"], output_names=["y"])


def serve(file, threads):
    torch.set_num_threads(threads)
    model = model_of(safetensors.torch.load_file(file))
    x, codes = inputs(model)
    runs = {"encode": (Encode(model), x), "decode": (Decode(model), codes)}
    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        run, given = runs[line.strip()]
        with torch.no_grad():
            start = time.perf_counter()
            run(given)
            print(1000 * (time.perf_counter() - start), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.out:
        export(arguments.out)
    if arguments.serve:
        serve(arguments.serve, arguments.threads)


if __name__ == "__main__":
    main()
