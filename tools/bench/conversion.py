"""A network for ncnn, by pnnx, which is a program inside a Python package that needs not be imported."""
import importlib.util
import os
import pathlib
import subprocess
import tempfile

import onnx

SECONDS = 600


def convert(single):
    """MODEL.param and MODEL.bin beside the model of batch 1; ValueError if pnnx refuses it."""
    param, weights = single.with_suffix(".param"), single.with_suffix(".bin")
    if param.exists() and weights.exists():
        return
    program = pathlib.Path(importlib.util.find_spec("pnnx").submodule_search_locations[0]) / "pnnx"
    program.chmod(0o755)
    with tempfile.TemporaryDirectory(dir=single.parent) as folder:  # pnnx writes beside its input
        onnx.save(onnx.load(single), f"{folder}/from.onnx")  # with its weights inside: pnnx reads others wrongly
        command = [program, f"{folder}/from.onnx", "fp16=0", f"ncnnparam={folder}/to.param", f"ncnnbin={folder}/to.bin"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=True)
            os.replace(f"{folder}/to.bin", weights)
            os.replace(f"{folder}/to.param", param)
        except (OSError, subprocess.SubprocessError) as error:
            raise ValueError("not convertible by pnnx") from error
