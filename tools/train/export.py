"""Writes the trained network as a model folder: model.onnx, preprocessor_config.json, config.json."""
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import folded_layers
from sheets import CLASSES

OPSET = 13
DESCRIPTION = ("A small convolutional network for 32x32 pictures. It knows ten everyday things: "
               + ", ".join(CLASSES) + ".")
BILINEAR = 2   # Pillow's number


class GraphWriter:
    """Appends nodes to a chain: each takes the output of the one before."""

    def __init__(self, last):
        self.nodes, self.weights, self.last = [], [], last

    def add(self, op, name, weights=(), output=None, **attributes):
        for label, values in weights:
            self.weights.append(numpy_helper.from_array(values, f"{name}.{label}"))
        inputs = [self.last] + [f"{name}.{label}" for label, _ in weights]
        self.last = output or name
        self.nodes.append(helper.make_node(op, inputs, [self.last], name=name, **attributes))


    def add_with_integers(self, op, name, integers, inputs=None, **attributes):
        """A node whose further inputs are lists of int64."""
        names = [f"{name}.{label}" for label in integers]
        self.weights += [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in zip(names, integers.values())]
        self.nodes.append(helper.make_node(op, (inputs or [self.last]) + names, [name], name=name, **attributes))
        self.last = name


def _graph(layers):
    """The network sees every picture twice, as it is and mirrored, and answers with the mean of both logits."""
    chain = GraphWriter("input")
    chain.add_with_integers("Slice", "mirror", {"starts": [-1], "ends": [-2**63], "axes": [3], "steps": [-1]})
    chain.add_with_integers("Concat", "both", {}, inputs=["input", "mirror"], axis=0)
    for name, weight, bias in layers[:-1]:
        kernel, pad = list(weight.shape[2:]), (weight.shape[2] - 1) // 2
        chain.add("Conv", name, [("weight", weight), ("bias", bias)],
                  kernel_shape=kernel, strides=[1, 1], pads=[pad] * 4)
        if name.endswith("conv1"):
            chain.add("MaxPool", name.replace("conv1", "pool"), kernel_shape=[2, 2], strides=[2, 2])
        chain.add("Relu", f"{name}.relu")
    chain.add("MaxPool", "head.pool", kernel_shape=[3, 3], strides=[3, 3])
    chain.add("Flatten", "head.flatten", axis=1)
    name, weight, bias = layers[-1]
    chain.add("Gemm", name, [("weight", weight), ("bias", bias)], transB=1)
    chain.add_with_integers("Reshape", "pairs", {"shape": [2, -1, len(CLASSES)]})
    chain.add("ReduceMean", "mean", output="logits", axes=[0], keepdims=0)
    shapes = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, 32, 32]),
              helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(CLASSES)])]
    return helper.make_graph(chain.nodes, "clarus-default", shapes[:1], shapes[1:], chain.weights)


def _preprocessor(mean, std):
    size = {"height": 32, "width": 32}
    return {"image_processor_type": "ViTImageProcessor", "do_convert_rgb": True,
            "do_resize": True, "size": size, "resample": BILINEAR,
            "do_center_crop": False, "crop_size": size,
            "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": list(mean), "image_std": list(std)}


def _config():
    return {"model_type": "clarus-default", "architectures": ["ClarusDefault"], "clarus_description": DESCRIPTION,
            "image_size": 32, "num_channels": 3, "num_labels": len(CLASSES), "torch_dtype": "float32",
            "id2label": {str(i): name for i, name in enumerate(CLASSES)},
            "label2id": {name: i for i, name in enumerate(CLASSES)}}


def write_model(net, folder, mean, std):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(_graph(folded_layers(net)), producer_name="clarus-train", producer_version="1",
                              doc_string=DESCRIPTION, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, folder / "model.onnx")
    for name, content in (("preprocessor_config.json", _preprocessor(mean, std)), ("config.json", _config())):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
