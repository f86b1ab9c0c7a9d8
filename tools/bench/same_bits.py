#!/usr/bin/env python3
"""The table of docs/networks.md: networks against reference outputs and ONNX Runtime, and their bits everywhere.

    tools/bench/same_bits.py --data FOLDER --references FOLDER --devices pocl "Intel(R) OpenCL" -- NETWORK.onnx...

--data holds photographs with known classes and reference outputs (CLARUS_TEST_DATA). A network's reference is
NAME.ref.npy or NAME_output_0.pb beside it or in --references; without one it is what ONNX Runtime gives. Digests of
classified photographs must be the same with one thread and two, one by one and in batches of eight, whether the file's
batch is open or fixed, and on all devices.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import subprocess
import tempfile

import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEW = 9  # photographs for a network whose classes mean nothing; one more than a batch

IMAGENET = ["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]
CAFFE = ["--channels", "bgr", "--scale", "1", "--mean", "104,117,123", "--std", "1"]
TENSORFLOW = ["--scale", "0.00784313725490196", "--mean", "1", "--std", "1"]
PREPROCESSING = {  # of networks that know ImageNet's classes
    "SqueezeNet_fp16": CAFFE,
    "squeezenet1.1-fp32-from-fp16": CAFFE,
    "mobilenet_v1_0.25_224-fp32-from-tfjs": TENSORFLOW,
    "mobilenet_v2_1.0-fp32-from-int8": IMAGENET,
    "mobilenetv2-7-quantized": IMAGENET,
    "shufflenet_v2_x1.0-fp32-from-int8": IMAGENET,
    "shufflenet-v2-12-int8": IMAGENET,
}

Setting = collections.namedtuple("Setting", "name device threads batch copied")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", type=pathlib.Path, metavar="NETWORK.onnx")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--references", type=pathlib.Path, help="a further folder with reference outputs")
    parser.add_argument("--devices", nargs="+", default=["pocl"])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "tools" / "clarus")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "bench")
    return parser.parse_args()


def clarus(options, *arguments):
    """The JSON lines that the program prints; an error is its own message."""
    done = subprocess.run([str(word) for word in (options.program, *arguments, "--json", "--quiet")], text=True,
                          capture_output=True, env=os.environ | {"CLARUS_MATH": "exact"})
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}")
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---- against references ----

def splitmix(seed, count):
    """Normal enough noise of deviation 1, as nets/arch/README.md of the data defines it."""
    import numpy
    with numpy.errstate(over="ignore"):
        z = numpy.arange(count, dtype="uint64") + numpy.uint64(seed << 32) + numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
    u = ((z ^ z >> numpy.uint64(31)) >> numpy.uint64(40)) / 2.0**24
    return (3**0.5 * (2 * u - 1)).astype("float32")


def reference_of(options, path):
    """(what it is, its outputs, the input that it is for); both None where there is no file."""
    import numpy
    import onnx
    for folder in filter(None, (path.parent, options.references)):
        if (folder / f"{path.stem}.ref.npy").exists():
            return "reference", numpy.load(folder / f"{path.stem}.ref.npy"), lambda n: splitmix(12345, n)
        if (folder / f"{path.stem}_output_0.pb").exists():
            tensor = onnx.TensorProto.FromString((folder / f"{path.stem}_output_0.pb").read_bytes())
            return "reference", onnx.numpy_helper.to_array(tensor), lambda n: (numpy.arange(n) / n).astype("float32")
    return "ONNX Runtime", None, lambda n: splitmix(1, n)


def run_reference(options, path):
    """(difference in standard deviations or why there is none, what it is from, digest)."""
    import numpy
    import networks
    kind, expected, make = reference_of(options, path)
    ((name, like),) = networks.pictures(networks.load(path), 1).items()
    value = make(like.size).reshape(like.shape).astype(like.dtype)
    with tempfile.TemporaryDirectory() as folder:
        numpy.save(f"{folder}/in.npy", value)
        (ran,) = clarus(options, "run", path, "--input", f"{name}={folder}/in.npy", "--output", f"{folder}/out.npy",
                        "--device", options.devices[0])
        found = numpy.load(f"{folder}/out.npy")
    if expected is None:
        try:
            expected = networks.outputs_of(path, {name: value})[0]
        except Exception:  # a network that it does not take
            return None, "none", ran["outputs"][0]["digest"]
    return networks.difference(found, expected), kind, ran["outputs"][0]["digest"]


# ---- the same bits ----

def settings_of(options):
    first, *others = options.devices
    yield Setting("2 threads, batch 1", first, 2, 1, False)
    yield Setting("1 thread", first, 1, 1, False)
    yield Setting("batch 8", first, 2, 8, False)
    yield Setting("a copy for batch 8", first, 2, 8, True)
    for device in others:
        yield Setting(device, device, 2, 1, False)


def photographs_of(options, path):
    paths = sorted((options.data / "photos" / "imagenet100").iterdir())
    return paths if path.stem in PREPROCESSING else paths[:FEW]


def classify(options, path, setting):
    import networks
    model = networks.copy(path, setting.batch, options.work) if setting.copied else path
    return clarus(options, "classify", *photographs_of(options, path), "--model", model, "--device", setting.device,
                  "--threads", setting.threads, "--batch", setting.batch, "--no-timing",
                  *PREPROCESSING.get(path.stem, []))


def compare_bits(options, path):
    """The first setting's results, and of the other settings what is said of each."""
    first, *others = settings_of(options)
    base = classify(options, path, first)
    said = {}
    for setting in others:
        try:
            found = classify(options, path, setting)
            same = sum(f["digest"] == b["digest"] for f, b in zip(found, base))
            said[setting.name] = "equal" if same == len(base) == len(found) else f"**{len(base) - same} differ**"
        except (RuntimeError, ValueError) as error:
            said[setting.name] = str(error)
    return base, said


def right(options, results):
    """How many photographs get their class first."""
    synsets = [line.split()[0] for line in (options.data / "labels" / "synset.txt").read_text().splitlines()]
    return sum(synsets[r["top"][0]["index"]] == pathlib.Path(r["path"]).name.split("_")[0] for r in results)


def row(options, path):
    try:
        apart, kind, digest = run_reference(options, path)
        base, said = compare_bits(options, path)
    except RuntimeError as error:
        return [path.stem, str(error), *[""] * (len(list(settings_of(options))) + 2)]
    top = f"{right(options, base)} of {len(base)}" if path.stem in PREPROCESSING else "-"
    difference = "-" if apart is None else f"{apart:.1e} ({kind})"
    return [path.stem, difference, top, f"`{digest}`", *said.values()]


def main():
    options = parse()
    environment.enter(options.work)
    import machine
    import report
    names = [s.name for s in settings_of(options)][1:]
    rows = [["Network", "Largest difference / deviation", "Top-1", "Digest", *names]]
    for path in options.networks:
        rows.append(row(options, path.resolve()))
        print("  ".join(rows[-1]), flush=True)
    print(f"\n{datetime.date.today()}, {machine.processor()}, devices {', '.join(options.devices)}\n")
    print(report.table(rows, markdown=True))


if __name__ == "__main__":
    main()
