"""Reads the training images (lossless WebP sheets in a tar) and the test images (folders of PNGs)."""
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer",
           "dog", "frog", "horse", "ship", "truck")
TILE = 32      # pixels, both ways
PER_ROW = 10   # tiles in a row and in a column of a sheet


def _tiles(sheet):
    """One 320x320 sheet -> 100 pictures of 32x32x3, in reading order."""
    pixels = np.asarray(sheet.convert("RGB"))
    grid = pixels.reshape(PER_ROW, TILE, PER_ROW, TILE, 3).swapaxes(1, 2)
    return grid.reshape(PER_ROW * PER_ROW, TILE, TILE, 3)


def read_training_tar(path):
    """-> (uint8 [50000,32,32,3], int64 [50000]); sheets in name order, whatever the tar's order."""
    images, labels = [], []
    with tarfile.open(path) as tar:
        members = sorted((m for m in tar.getmembers() if m.name.endswith(".webp")),
                         key=lambda m: m.name)
        for member in members:
            label = CLASSES.index(Path(member.name).name.rsplit("-", 1)[0])
            tiles = _tiles(Image.open(io.BytesIO(tar.extractfile(member).read())))
            images.append(tiles)
            labels.append(np.full(len(tiles), label, np.int64))
    if not images:
        raise SystemExit(f"{path}: no WebP sheets found")
    return np.concatenate(images), np.concatenate(labels)


def split_hold_out(labels, per_class, seed):
    """-> (training indices, hold-out indices): `per_class` pictures of every class are held out."""
    rng = np.random.default_rng(seed)
    held = np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:per_class]
                           for k in range(len(CLASSES))])
    return np.setdiff1d(np.arange(len(labels)), held), np.sort(held)


def list_test_pictures(folder):
    """-> [(path, label)] of a folder with one sub-folder per class."""
    found = [(path, label) for label, name in enumerate(CLASSES)
             for path in sorted((Path(folder) / name).glob("*.png"))]
    if not found:
        raise SystemExit(f"{folder}: no pictures found in class folders")
    return found
