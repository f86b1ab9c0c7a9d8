"""From the start of a process to its first result, and the most memory that it held.

Clarus runs as `clarus run`, with its caches and PoCL's in a folder of their own, empty or filled; with PoCL as the only
driver, and with all that are installed. The peers start with Python; what Python and NumPy take alone is measured too.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy

import conversion
import engines
import machine
import networks

COLD_ROUNDS = 3
VENDORS = "/etc/OpenCL/vendors"


def first_result(command, environment):
    """Milliseconds to the first line of output, and the peak of the process's memory in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env=os.environ | environment)
    line = process.stdout.readline()
    ms = (time.perf_counter() - start) * 1e3
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status or not line:
        raise RuntimeError(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}")
    return ms, usage.ru_maxrss * 1024


def summary(samples):
    return {"ms_median": statistics.median(ms for ms, _ in samples), "peak_bytes": max(size for _, size in samples)}


def only_pocl(folder):
    """A folder that names PoCL's driver alone."""
    vendors = pathlib.Path(folder) / "vendors"
    vendors.mkdir()
    for file in pathlib.Path(os.environ.get("OCL_ICD_VENDORS", VENDORS)).glob("*.icd"):
        if "pocl" in file.read_text():
            shutil.copy(file, vendors)
    return {"OCL_ICD_VENDORS": str(vendors)}


def caches(folder):
    """Folders for both caches, empty."""
    made = {"XDG_CACHE_HOME": f"{folder}/clarus", "POCL_CACHE_DIR": f"{folder}/pocl"}
    for path in made.values():
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
    return made


def clarus_starts(options, command, threads, folder):
    common = {"CLARUS_THREADS": str(threads), "CLARUS_MATH": "exact"}
    pocl = common | only_pocl(folder)
    cold = [first_result(command, pocl | caches(folder)) for _ in range(COLD_ROUNDS)]
    filled = caches(folder)
    first_result(command, pocl | filled)
    first_result(command, common | filled)
    return {"clarus, empty caches": summary(cold),
            "clarus": summary([first_result(command, pocl | filled) for _ in range(options.rounds)]),
            "clarus, all drivers": summary([first_result(command, common | filled) for _ in range(options.rounds)])}


def peer_starts(options, command):
    first_result(command, {})  # files into the page cache
    return summary([first_result(command, {}) for _ in range(options.rounds)])


def starts(options, model, threads):
    result = {"kind": "starts", "network": model.stem, "threads": threads, "rounds": options.rounds,
              "cold_rounds": COLD_ROUNDS, **machine.description(), "refused": {}}
    path = networks.copy(model, 1, options.work)
    ((name, array),) = networks.pictures(networks.load(path), 1).items()
    with tempfile.TemporaryDirectory() as folder:
        picture = f"{folder}/input.npy"
        numpy.save(picture, array)
        command = [options.program, "run", path, "--input", f"{name}={picture}", "--json"]
        found = clarus_starts(options, command, threads, folder)
        found["python"] = peer_starts(options, [sys.executable, "-c", "import numpy; print()"])
        for peer in options.engines:
            try:
                if peer == "ncnn":
                    conversion.convert(path)
                command = [sys.executable, engines.__file__, peer, path, threads, name, picture]
                found[peer] = peer_starts(options, command)
            except (RuntimeError, ValueError) as error:
                result["refused"][peer] = str(error)
    return {**result, "engines": found}


def measure(options):
    for model in options.models:
        for threads in options.threads:
            yield starts(options, model, threads)
