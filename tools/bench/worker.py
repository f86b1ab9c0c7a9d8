"""An engine in a process of its own, which is told by lines when to run.

    python worker.py ENGINE MODEL BATCH THREADS LIBRARY

Lines in: the seconds to run for. Lines out, JSON: first {"macs", "outputs"} (a file's path with the outputs of one run,
for comparison), then {"ms": [of each run]}; {"error"} where the engine refuses.
"""
import json
import os
import subprocess
import sys
import time

FEWEST_RUNS = 3


class Worker:
    """The other end: starts the process and asks it."""

    def __init__(self, engine, model, batch, threads, library, outputs):
        environment = os.environ | {"CLARUS_THREADS": str(threads), "CLARUS_MATH": "exact"}
        command = [sys.executable, __file__, engine, str(model), str(batch), str(threads), str(library), str(outputs)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, env=environment)
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"it ended with {self.process.wait()}"}
        if "error" in answer:
            self.close()
            raise RuntimeError(answer["error"])
        return answer

    def ask(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed_runs(run, seconds):
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < FEWEST_RUNS:
        start = time.perf_counter()
        run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def serve(say, engine, model, batch, threads, library, outputs):
    import numpy
    import engines
    import libclarus
    import networks
    if engine == "peak":
        device = libclarus.Device(library)
        say({})
        for _ in sys.stdin:
            say({"gflops": device.peak()})
        return
    made = engines.ENGINES[engine](model, networks.pictures(networks.load(model), int(batch)), int(threads), library)
    made.run()
    numpy.save(outputs, made.result())
    made.run()
    say({"macs": getattr(made, "macs", None)})
    for line in sys.stdin:
        say({"ms": timed_runs(made.run, float(line))})


def main():
    out = os.fdopen(os.dup(1), "w")  # engines may print
    os.dup2(2, 1)

    def say(answer):
        print(json.dumps(answer), file=out, flush=True)

    try:
        serve(say, *sys.argv[1:])
    except Exception as error:  # whatever an engine raises when it does not take a model
        say({"error": (str(error).strip() or type(error).__name__).splitlines()[0]})


if __name__ == "__main__":
    main()
