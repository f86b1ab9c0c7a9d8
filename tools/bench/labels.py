"""JPEG files to labels: `clarus classify` on a folder, against decoding alone and computing alone.

Decoding alone is loading and preparing the same files by as many threads, through the library; computing alone is
running the network on batches that are there. Where both are done by the same cores, no program can reach the slower of
the two: the time of both together is the other yardstick.
"""
import concurrent.futures
import contextlib
import os
import pathlib
import statistics
import subprocess
import time

from PIL import Image

import libclarus
import machine
import networks
from worker import Worker

PICTURES = 1000
SIZE = (500, 375)
SIDE = 224
QUALITY = 90


def make_pictures(photos, work):
    """Files of one size cut from the photographs, again and again at other places and mirrored."""
    folder = pathlib.Path(work) / "pictures"
    sources = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if folder.exists() and len(list(folder.iterdir())) == PICTURES:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(PICTURES):
        with Image.open(sources[k % len(sources)]) as photo:
            picture = photo.convert("RGB")
        turn = k // len(sources)
        scale = (1 + 0.1 * (turn % 5)) * max(SIZE[0] / picture.width, SIZE[1] / picture.height)
        picture = picture.resize([max(extent, round(side * scale)) for extent, side in zip(SIZE, picture.size)])
        left, top = ((side - extent) * (turn % 3) // 2 for side, extent in zip(picture.size, SIZE))
        picture = picture.crop((left, top, left + SIZE[0], top + SIZE[1]))
        if turn % 2:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture.save(folder / f"{k:04}.jpg", quality=QUALITY)
    return folder


def classify_seconds(options, model, paths, threads):
    command = [options.program, "classify", "--model", model, "--json", "--threads", threads, "-"]
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], input="\n".join(map(str, paths)), text=True, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if done.stdout.count('"status":"ok"') != len(paths):
        raise RuntimeError(f"not all of {len(paths)} pictures were classified")
    return time.perf_counter() - start


def classify_rate(options, model, paths, threads, batch):
    """Without the start: what all pictures take beyond what one batch takes."""
    few = classify_seconds(options, model, paths[:batch], threads)
    return (len(paths) - batch) / (classify_seconds(options, model, paths, threads) - few)


def decode_rate(pictures, paths, threads):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        for _ in pool.map(pictures.prepare, paths):
            pass
        return len(paths) / (time.perf_counter() - start)


def labels(options, model, batch, threads):
    paths = sorted(make_pictures(options.photos, options.work).iterdir())
    copy = networks.copy(model, batch, options.work)
    os.environ["CLARUS_THREADS"] = str(threads)
    pictures = libclarus.Pictures(options.libclarus, copy, SIDE)
    found = {"decode": [], "compute": [], "classify": []}
    with contextlib.ExitStack() as stack:
        worker = Worker("clarus", copy, batch, threads, options.libclarus, os.devnull)
        stack.callback(worker.close)
        for _ in range(options.rounds):
            found["decode"].append(decode_rate(pictures, paths, threads))
            found["compute"].append(1e3 * batch / statistics.median(worker.ask(options.seconds)["ms"]))
            found["classify"].append(classify_rate(options, copy, paths, threads, batch))
    decode, compute, classify = (statistics.median(rates) for rates in found.values())
    return {"kind": "labels", "network": model.stem, "batch": batch, "threads": threads, "rounds": options.rounds,
            "pictures": len(paths), **machine.description(), "decode": decode, "compute": compute, "classify": classify,
            "of_slower": classify / min(decode, compute), "of_both": classify * (1 / decode + 1 / compute)}


def measure(options):
    for model in options.models:
        for threads in options.threads:
            for batch in options.batch:
                yield labels(options, model, batch, threads)
