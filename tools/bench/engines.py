"""The engines under comparison: each loads a model file and runs it on the same inputs again and again.

    python engines.py ENGINE MODEL THREADS INPUT FILE.npy        one run, for measuring starts

Engines are made in processes of their own (worker.py), so that the threads of one, which may spin for a while after
a run, are the only ones in its process, and its memory can be told. For the same reason modules are imported where they
are needed.
"""
import os
import sys


class Clarus:
    """In exact mode, on the device that CLARUS_DEVICE names."""

    def __init__(self, model, feeds, threads, library):
        import libclarus
        self.session = libclarus.Session(library, model, feeds)
        self.macs = self.session.macs
        self.run = self.session.run
        self.result = self.session.result


class OnnxRuntime:
    package = "onnxruntime"

    def __init__(self, model, feeds, threads, library):
        import onnxruntime
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        self.feeds = feeds

    def run(self):
        self.outputs = self.session.run(None, self.feeds)

    def result(self):
        return self.outputs[0]


class OpenVino:
    """In float32, as the others; its own default on some processors is bfloat16."""
    package = "openvino"

    def __init__(self, model, feeds, threads, library):
        import openvino
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                    "NUM_STREAMS": 1}
        self.request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self.feeds = feeds

    def run(self):
        self.outputs = self.request.infer(self.feeds, share_inputs=True, share_outputs=True)

    def result(self):
        return self.outputs[0]


class Ncnn:
    """Of a model converted beforehand (MODEL.param and MODEL.bin beside it); knows no batch, so pictures follow each
    other."""
    package = "ncnn"

    def __init__(self, model, feeds, threads, library):
        import ncnn
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_fp16_packed = self.net.opt.use_fp16_storage = self.net.opt.use_fp16_arithmetic = False
        self.net.opt.use_bf16_storage = False
        stem = os.path.splitext(model)[0]
        if self.net.load_param(f"{stem}.param") or self.net.load_model(f"{stem}.bin"):
            raise RuntimeError("ncnn cannot load the converted model")
        (pictures,) = feeds.values()
        self.inputs = [ncnn.Mat(picture).clone() for picture in pictures]

    def run(self):
        self.outputs = []
        for picture in self.inputs:
            extractor = self.net.create_extractor()
            extractor.input(self.net.input_names()[0], picture)
            self.outputs.append(extractor.extract(self.net.output_names()[0])[1])

    def result(self):
        import numpy
        return numpy.concatenate([numpy.array(output).ravel() for output in self.outputs])


ENGINES = {"clarus": Clarus, "onnxruntime": OnnxRuntime, "openvino": OpenVino, "ncnn": Ncnn}


def version(name):
    import importlib.metadata
    return importlib.metadata.version(ENGINES[name].package) if name != "clarus" else ""


def main():
    import numpy
    name, model, threads, value, file = sys.argv[1:]
    engine = ENGINES[name](model, {value: numpy.load(file)}, int(threads), None)
    engine.run()
    print("done", flush=True)


if __name__ == "__main__":
    main()
