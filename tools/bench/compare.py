#!/usr/bin/env python3
"""Clarus against ONNX Runtime, OpenVINO (in float32) and ncnn, on the same networks.

    tools/bench/compare.py MODEL.onnx...                      speed at batch 1 and 8, two threads, 15 rounds
    tools/bench/compare.py --only starts MODEL.onnx...        cold and warm start, peak memory
    tools/bench/compare.py --only labels --photos FOLDER MODEL.onnx...    JPEG files to labels

The peers come from the Python package index, in the versions of requirements.txt, into an environment in the work
folder. Build Clarus first (cmake --build build); nothing else should run on the machine.

Speed is measured in rounds: each engine, in a process of its own that lives through all rounds, runs for some time, and
the device's multiply-add peak is sampled between any two of them. A ratio is the median of the rounds' ratios of the
least time, so that a machine that is slow for a while is slow for both; a share of the peak relates a round's least
time to the two samples around it. All engines get the same copy of the network for a batch (networks.py), and an engine
whose outputs are not those of ONNX Runtime does not count.
"""
import argparse
import importlib
import json
import pathlib

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ["onnxruntime", "openvino", "ncnn"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path, metavar="MODEL.onnx")
    parser.add_argument("--only", choices=["speed", "starts", "labels"], default="speed", help="default: speed")
    parser.add_argument("--engines", nargs="+", choices=PEERS, default=PEERS, help="the peers; default: all")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=15, help="default 15; labels: 3 are enough")
    parser.add_argument("--seconds", type=float, default=0.5, help="for each engine in each round")
    parser.add_argument("--photos", type=pathlib.Path, help="labels: a folder of photographs to make the files from")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "bench",
                        help="for the environment, copies of networks and pictures")
    parser.add_argument("--results", type=pathlib.Path, help="add what is measured to this file, as JSON lines")
    parser.add_argument("--report", type=pathlib.Path, nargs="+", metavar="RESULTS",
                        help="measure nothing, print what these files hold (the last of each kind)")
    parser.add_argument("--markdown", action="store_true", help="print tables for docs/performance.md")
    options = parser.parse_args()
    if not options.models and not options.report:
        parser.error("no MODEL.onnx is given")
    if options.only == "labels" and options.models and not options.photos:
        parser.error("--only labels needs --photos")
    options.libclarus = options.build / "lib" / "libclarus.so"
    options.program = options.build / "tools" / "clarus"
    return options


def main():
    options = parse()
    environment.enter(options.work)
    import report
    if options.report:
        results = [json.loads(line) for path in options.report for line in path.read_text().splitlines()]
    else:
        results = []
        for result in importlib.import_module(options.only).measure(options):
            results.append(result)
            print(report.line(result), flush=True)
            if options.results:
                with options.results.open("a") as file:
                    file.write(json.dumps(result) + "\n")
    print(report.tables(results, options.markdown))


if __name__ == "__main__":
    main()
