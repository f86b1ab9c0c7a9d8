#!/usr/bin/env python3
"""Trains the default network from scratch, exports it, and measures it. See README.md beside this file.

    train_default.py --train train-webp.tar --test test/ --out models/default
"""
import argparse
import ctypes
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

import card
import export
import measure
from augment import augment
from muon import Muon
from network import Network
from sheets import read_training_tar, split_hold_out

MEAN = (0.4914, 0.4822, 0.4465)   # of the training pictures, after division by 255
STD = (0.2470, 0.2435, 0.2616)
EMA_DECAY = 0.99                  # about the last 100 steps
LABEL_SMOOTHING = 0.1
KERNEL_LR, OTHER_LR = 0.08, 0.005
SMALL_PHASE, LARGE_PHASE = (24, 2), (32, 4)   # pixels; one picture in how many is changed strongly
WARM_UP = 0.1                     # part of the training in which the learning rate rises


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--train", required=True, help="train-webp.tar")
    p.add_argument("--test", help="folder with one sub-folder of PNGs per class; only measured, never trained on")
    p.add_argument("--out", default="models/default", help="folder to write")
    p.add_argument("--epochs-small", type=int, default=8, help="epochs at 24x24, first (default %(default)s)")
    p.add_argument("--epochs", type=int, default=5, help="epochs at 32x32, then (default %(default)s)")
    p.add_argument("--batch", type=int, default=250)
    p.add_argument("--minutes", type=float, default=40,
                   help="limit of training time: where the epochs do not fit, the schedule is compressed")
    p.add_argument("--hold-out", type=int, default=200, help="pictures of each class kept out of training")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--checkpoint", help="file for the state, written often; training goes on from it")
    p.add_argument("--export-only", action="store_true", help="export and measure the checkpoint as it is")
    return p.parse_args()


def keep_freed_memory():
    """glibc gives large blocks back at once; fetching them again costs a tenth of the training time."""
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_trim_threshold, m_mmap_max = -1, -4
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)


def normalised(pictures):
    """uint8 [n,h,w,3] -> float32 [n,3,h,w]"""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


class Training:
    """Everything that changes while training runs, so that it can be saved and taken up again."""

    def __init__(self, args, pictures):
        self.net = Network().to(memory_format=torch.channels_last)
        self.net.set_whitening(normalised(pictures[:5000]))
        self.average = Network().to(memory_format=torch.channels_last)
        self.average.load_state_dict(self.net.state_dict())
        kernels = [p for n, p in self.net.blocks.named_parameters() if "conv" in n]
        others = [p for n, p in self.net.named_parameters() if p.requires_grad and not ("blocks" in n and "conv" in n)]
        self.optimisers = [(KERNEL_LR, Muon(kernels, KERNEL_LR)),
                           (OTHER_LR, torch.optim.Adam(others, OTHER_LR, betas=(0.9, 0.99)))]
        self.step, self.wall, self.cpu = 0, 0.0, 0.0   # steps done, seconds spent
        self.rng = torch.Generator().manual_seed(args.seed)

    def state(self):
        return {"net": self.net.state_dict(), "average": self.average.state_dict(),
                "optimisers": [o.state_dict() for _, o in self.optimisers], "rng": self.rng.get_state(),
                "counters": (self.step, self.wall, self.cpu)}

    def save(self, path):
        torch.save(self.state(), f"{path}.new")
        os.replace(f"{path}.new", path)

    def load(self, path):
        saved = torch.load(path, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.average.load_state_dict(saved["average"])
        for (_, optimiser), state in zip(self.optimisers, saved["optimisers"]):
            optimiser.load_state_dict(state)
        self.rng.set_state(saved["rng"])
        self.step, self.wall, self.cpu = saved["counters"]

    def learn(self, x, labels, rate):
        """One step; `rate` multiplies both learning rates."""
        for base, optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = base * rate
            optimiser.zero_grad(set_to_none=True)
        self.net.train()
        loss = F.cross_entropy(self.net(x), labels, label_smoothing=LABEL_SMOOTHING)
        loss.backward()
        for _, optimiser in self.optimisers:
            optimiser.step()
        self.step += 1
        self.follow(min(EMA_DECAY, self.step / (self.step + 10)))
        return loss.item()

    @torch.no_grad()
    def follow(self, decay):
        for mine, new in zip(self.average.state_dict().values(), self.net.state_dict().values()):
            if mine.is_floating_point():
                mine.lerp_(new, 1 - decay)
            else:
                mine.copy_(new)


@torch.no_grad()
def accuracy(net, pictures, labels):
    net.eval()
    right = 0
    for start in range(0, len(labels), 500):
        x = normalised(pictures[start:start + 500]).contiguous(memory_format=torch.channels_last)
        right += (net(x).argmax(1).numpy() == labels[start:start + 500]).sum()
    return right / len(labels)


def learning_rate(progress):
    """Rises in a straight line, then falls in one to (nearly) zero."""
    return min(progress / WARM_UP, (1 - progress) / (1 - WARM_UP)) + 0.005


def train(training, args, pictures, labels, held):
    per_epoch = len(labels) // args.batch
    small_steps, steps = args.epochs_small * per_epoch, (args.epochs_small + args.epochs) * per_epoch
    skipped = 0   # steps left out because time runs short
    wall0, cpu0 = time.time() - training.wall, time.process_time() - training.cpu
    while training.step + skipped < steps:
        at = training.step + skipped
        order = np.random.default_rng((args.seed, training.step // per_epoch)).permutation(len(labels))
        batch = order[training.step % per_epoch * args.batch:][:args.batch]
        size, strong_every = SMALL_PHASE if at < small_steps else LARGE_PHASE
        x = augment(normalised(pictures[batch]), size, strong_every, training.rng)
        loss = training.learn(x.contiguous(memory_format=torch.channels_last),
                              torch.from_numpy(labels[batch]), learning_rate(at / steps))
        training.wall, training.cpu = time.time() - wall0, time.process_time() - cpu0
        skipped = max(skipped, int(steps * training.wall / (60 * args.minutes)) - training.step)
        if training.step % 20 == 0:
            print(f"step {at + 1}/{steps} skipped {skipped} loss {loss:.3f} minutes {training.wall / 60:.1f} "
                  f"cpu {training.cpu / 60:.1f}", flush=True)
        if training.step % per_epoch == 0:
            print(f"  hold-out {accuracy(training.average, *held):.4f}", flush=True)
        if args.checkpoint and training.step % 50 == 0:
            training.save(args.checkpoint)


def main():
    args = arguments()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    pictures, labels = read_training_tar(args.train)
    kept, held = split_hold_out(labels, args.hold_out, args.seed)
    held = (pictures[held], labels[held])
    pictures, labels = pictures[kept], labels[kept]
    training = Training(args, pictures[np.random.default_rng(args.seed).permutation(len(kept))])
    if args.checkpoint and Path(args.checkpoint).exists():
        training.load(args.checkpoint)
    if not args.export_only:
        train(training, args, pictures, labels, held)
        if args.checkpoint:
            training.save(args.checkpoint)
    export.write_model(training.average, args.out, MEAN, STD)
    report = measure.everything(args.out, held, args.test)
    report |= {"training_pictures": len(labels), "steps": training.step, "batch": args.batch,
               "minutes": round(training.wall / 60, 1), "cpu_minutes": round(training.cpu / 60, 1),
               "threads": args.threads, "seed": args.seed}
    print(json.dumps(report, indent=1))
    card.write(args.out, report)


if __name__ == "__main__":
    main()
