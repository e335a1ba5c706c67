"""Lets ONNX's checker and ONNX Runtime in Python try the files that our exporter wrote.

    python parity/onnx_check.py FOLDER

Beside `<name>.encode.onnx`, `.decode.onnx` and `.apply.onnx` the folder holds `<name>.<i>.safetensors` for
inputs of several sizes: `x`, what `decode` takes as `given`, and our `indices` and `output`. Prints a line a
name, and ends with 1 if something differs. `test/parity/onnx.test.ts` writes the files.

Needs onnx, onnxruntime, numpy and safetensors.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy


def session(path: Path) -> onnxruntime.InferenceSession:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def run(of: onnxruntime.InferenceSession, given: np.ndarray) -> list[np.ndarray]:
    return of.run(None, {of.get_inputs()[0].name: given})


def differences(folder: Path, name: str) -> tuple[int, int, float]:
    """How many indices there are, how many differ, and the largest difference of outputs."""
    encode, decode, apply = (
        session(folder / f"{name}.{file}.onnx") for file in ("encode", "decode", "apply")
    )
    count, differing, largest = 0, 0, 0.0
    for case in sorted(folder.glob(f"{name}.*.safetensors")):
        ours = safetensors.numpy.load_file(case)
        (indices,) = run(encode, ours["x"])
        applied, output = run(apply, ours["x"])
        (decoded,) = run(decode, ours["given"])
        assert indices.shape == ours["indices"].shape, (name, indices.shape)
        assert output.shape == decoded.shape == ours["output"].shape, (name, output.shape)
        count += indices.size
        differing += int((indices != ours["indices"]).sum() + (applied != ours["indices"]).sum())
        largest = max(
            largest,
            float(np.abs(output - ours["output"]).max()),
            float(np.abs(decoded - ours["output"]).max()),
        )
    return count, differing, largest


def main(folder: Path) -> int:
    wrong = 0
    for path in sorted(folder.glob("*.encode.onnx")):
        name = path.name.removesuffix(".encode.onnx")
        count, differing, largest = differences(folder, name)
        print(f"{name}: {count} indices, {differing} differ; outputs within {largest:.1e}")
        wrong += differing > 0 or largest >= 1e-5
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
