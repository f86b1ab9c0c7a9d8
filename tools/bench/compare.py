#!/usr/bin/env python3
"""Clarus against ONNX Runtime on the same networks, interleaved round by round.

    python3 -m venv venv && venv/bin/pip install onnxruntime onnx numpy
    venv/bin/python tools/bench/compare.py --clarus build/tools/clarus MODEL.onnx... --batch 1 8 --threads 2

Each round measures both engines one after the other, so that a busy machine disturbs both; the ratio is the median of the
rounds' ratios of the least time. `clarus bench` also gives its share of the multiply-add peak, measured in the same process.
A network whose batch is fixed at 1 is given an open one first, in a copy, for both engines.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy
import onnx
import onnxruntime


def open_batch(path, folder):
    """A copy of the model whose inputs and outputs have a first dimension N."""
    model = onnx.load(path)
    for value in list(model.graph.input) + list(model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) > 1:
            dims[0].dim_param = "N"
    del model.graph.value_info[:]
    copy = os.path.join(folder, os.path.basename(path))
    onnx.save(model, copy)
    return copy


def clarus_round(options, model, batch):
    command = [options.clarus, "bench", model, "--batch", str(batch), "--seconds", str(options.seconds),
               "--threads", str(options.threads), "--json"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip())
    return json.loads(result.stdout)


def peer_session(options, model, batch):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
    value = session.get_inputs()[0]
    shape = [batch] + [d if isinstance(d, int) else 1 for d in value.shape[1:]]
    dtype = numpy.float16 if "float16" in value.type else numpy.float32
    return session, {value.name: numpy.random.default_rng(1).standard_normal(shape).astype(dtype)}


def peer_round(options, session, feed):
    times = []
    end = time.perf_counter() + options.seconds
    session.run(None, feed)
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        session.run(None, feed)
        times.append((time.perf_counter() - start) * 1e3)
    return min(times)


def compare(options, model, batch):
    session, feed = peer_session(options, model, batch)
    ours, peers, shares = [], [], []
    for _ in range(options.rounds):
        mine = clarus_round(options, model, batch)
        ours.append(mine["ms_min"])
        shares.append(mine["fraction_of_peak"])
        peers.append(peer_round(options, session, feed))
    ratio = statistics.median(p / o for p, o in zip(peers, ours))
    print(f"{os.path.basename(model):44} batch {batch}: clarus {min(ours):8.2f} ms (median {statistics.median(ours):8.2f}), "
          f"{statistics.median(shares):5.1%} of peak; onnxruntime {min(peers):8.2f} ms (median {statistics.median(peers):8.2f}); "
          f"onnxruntime / clarus {ratio:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--clarus", default="build/tools/clarus")
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each engine in each round")
    options = parser.parse_args()
    print(f"onnxruntime {onnxruntime.__version__}, {options.threads} threads, {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            copy = open_batch(model, folder)
            for batch in options.batch:
                try:
                    compare(options, copy, batch)
                except Exception as error:  # either engine may refuse a network; the others go on
                    print(f"{os.path.basename(model):44} batch {batch}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main()
