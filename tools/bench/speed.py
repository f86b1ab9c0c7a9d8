"""Rounds of all engines on one network."""
import contextlib
import statistics
import tempfile

import numpy

import conversion
import engines
import machine
import networks
from worker import Worker


def start(name, options, model, batch, threads, stack, outputs):
    """A worker whose outputs are known to be right; an exception says why there is none."""
    if name == "ncnn":
        single = networks.copy(model, 1, options.work)
        conversion.convert(single)
        path = single
    else:
        path = networks.copy(model, batch, options.work)
    worker = Worker(name, path, batch, threads, options.libclarus, f"{outputs}/{name}.npy")
    stack.callback(worker.close)
    if name != "onnxruntime":
        found, expected = (numpy.load(f"{outputs}/{which}.npy") for which in (name, "onnxruntime"))
        apart = networks.difference(found, expected)
        if not apart <= networks.TOLERANCE:
            raise ValueError(f"its outputs differ by {apart:.2g} standard deviations")
    return worker


def start_all(options, model, batch, threads, stack, outputs):
    """Workers by name, ONNX Runtime first since the others' outputs are held against its, and refusals by name."""
    workers, refused = {}, {}
    for name in ["onnxruntime", "clarus", *(e for e in options.engines if e != "onnxruntime")]:
        try:
            workers[name] = start(name, options, model, batch, threads, stack, outputs)
        except (RuntimeError, ValueError, OSError) as error:
            refused[name] = str(error)
    return workers, refused


def run_rounds(options, workers, peak):
    """For every round {engine: (times, peak before and after)}; each round begins with another engine."""
    names = list(workers)
    rounds = []
    before = peak.ask(0)["gflops"]
    for r in range(options.rounds):
        this = {}
        for name in names[r % len(names):] + names[:r % len(names)]:
            times = workers[name].ask(options.seconds)["ms"]
            after = peak.ask(0)["gflops"]
            this[name] = (times, (before + after) / 2)
            before = after
        rounds.append(this)
    return rounds


def summary(name, rounds, macs):
    least = [min(this[name][0]) for this in rounds]
    shares = [2e-6 * macs / ms / this[name][1] for ms, this in zip(least, rounds)] if macs else []
    return {"ms_min": min(least), "ms_median": statistics.median(ms for this in rounds for ms in this[name][0]),
            "share": statistics.median(shares) if shares else None}


def ratio(name, rounds):
    """How many times as long as Clarus this engine takes."""
    return statistics.median(min(this[name][0]) / min(this["clarus"][0]) for this in rounds)


def compare(options, model, batch, threads):
    result = {"kind": "speed", "network": model.stem, "batch": batch, "threads": threads, "rounds": options.rounds,
              "seconds": options.seconds, **machine.description()}
    with tempfile.TemporaryDirectory() as outputs, contextlib.ExitStack() as stack:
        peak = Worker("peak", "", 0, threads, options.libclarus, "")
        stack.callback(peak.close)
        try:
            workers, refused = start_all(options, model, batch, threads, stack, outputs)
            rounds = run_rounds(options, workers, peak) if workers else []
        except ValueError as error:  # the network has no such batch
            return {**result, "refused": {"all": str(error)}}
    macs = workers["clarus"].ready["macs"] if "clarus" in workers else None
    result["refused"] = refused
    result["peak_gflops"] = statistics.median(p for this in rounds for _, p in this.values()) if rounds else None
    result["engines"] = {name: summary(name, rounds, macs) for name in workers}
    result["ratios"] = {name: ratio(name, rounds) for name in workers if name != "clarus" and "clarus" in workers}
    result["versions"] = {name: engines.version(name) for name in workers}
    return result


def measure(options):
    for model in options.models:
        for threads in options.threads:
            for batch in options.batch:
                yield compare(options, model, batch, threads)
