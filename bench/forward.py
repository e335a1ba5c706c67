"""Writes networks as ONNX and their weights as safetensors, for forward.mjs.

    python bench/forward.py --out folder
"""
import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, required=True)
out = parser.parse_args().out
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)


class Network:
    """A chain of nodes on images `[B, C, H, W]`, and the weights as the library lays them."""

    def __init__(self, name, channels, side):
        self.name, self.channels, self.side = name, channels, side
        self.nodes, self.initializers, self.weights = [], [], {}
        self.at, self.count = "x", 0

    def constant(self, values):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op, extra=(), **attributes):
        to = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.at, *extra], [to], **attributes))
        self.at = to
        return to

    def conv(self, ins, outs, up=1):
        if up > 1:
            scales = self.constant(np.array([1, 1, up, up], np.float32))
            self.node("Resize", ["", scales], mode="nearest", nearest_mode="floor",
                      coordinate_transformation_mode="asymmetric")
        bound = 1 / np.sqrt(9 * ins)
        weight = rng.uniform(-bound, bound, (outs, ins, 3, 3)).astype(np.float32)
        bias = rng.uniform(-bound, bound, outs).astype(np.float32)
        self.weights[f"{self.count}.weight"] = np.ascontiguousarray(weight.transpose(2, 3, 1, 0))
        self.weights[f"{self.count}.bias"] = bias
        self.count += 1
        self.node("Conv", [self.constant(weight), self.constant(bias)], pads=[1, 1, 1, 1])

    def save(self):
        shape = ["B", self.channels, self.side, self.side]
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        found = helper.make_tensor_value_info(self.at, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, self.name, [given], [found], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
        model.ir_version = 10
        onnx.checker.check_model(model)
        onnx.save(model, out / f"{self.name}.onnx")
        save_file(self.weights, out / f"{self.name}.safetensors")


# The reference's example autoencoder without its quantizer.
net = Network("autoencoder", 1, 28)
net.conv(1, 16)
net.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
net.node("Gelu")
net.conv(16, 32)
net.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
net.conv(32, 16, up=2)
net.node("Gelu")
net.conv(16, 1, up=2)
net.save()

# Residual blocks at one size, as in the middle of a tokenizer.
net = Network("residual", 64, 16)
for _ in range(4):
    before = net.at
    net.node("Relu")
    net.conv(64, 64)
    net.node("Relu")
    net.conv(64, 64)
    net.node("Add", [before])
net.save()
