#!/usr/bin/env python3
"""Measures a model folder with onnxruntime, through the folder's own preprocessor_config.json.

    measure.py MODEL-FOLDER --test DIR       accuracy on a folder with one sub-folder of PNGs per class
    measure.py MODEL-FOLDER PICTURE...       what it says of single pictures
"""
import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from sheets import CLASSES, list_test_pictures


class Classifier:
    def __init__(self, folder):
        folder = Path(folder)
        self.prepare_config = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.session = onnxruntime.InferenceSession(folder / "model.onnx", options,
                                                    providers=["CPUExecutionProvider"])

    def prepare(self, picture):
        """Pillow picture -> float32 [3,h,w]: resize, centre crop, rescale, normalise, as the file says."""
        c, picture = self.prepare_config, picture.convert("RGB")
        if c["do_resize"]:
            picture = picture.resize(_target(picture.size, c["size"]), c["resample"])
        if c["do_center_crop"]:
            width, height = c["crop_size"]["width"], c["crop_size"]["height"]
            left, top = (picture.width - width) // 2, (picture.height - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        x = np.asarray(picture, np.float32) * np.float32(c["rescale_factor"])
        x = (x - np.float32(c["image_mean"])) / np.float32(c["image_std"])
        return x.transpose(2, 0, 1)

    def logits(self, pictures, batch=100):
        x = np.stack([self.prepare(p) for p in pictures]).astype(np.float32)
        return np.concatenate([self.session.run(["logits"], {"input": x[i:i + batch]})[0]
                               for i in range(0, len(x), batch)])


def _target(size, wanted):
    """(width, height) after resizing."""
    if "shortest_edge" not in wanted:
        return wanted["width"], wanted["height"]
    edge, short = wanted["shortest_edge"], min(size)
    return tuple(edge if s == short else int(edge * s / short) for s in size)


def _per_class(right, labels):
    return {name: round(float(right[labels == k].mean()), 4) for k, name in enumerate(CLASSES)}


def test_accuracy(classifier, folder):
    """-> (overall accuracy, count, accuracy of each class)"""
    paths, labels = zip(*list_test_pictures(folder))
    labels = np.array(labels)
    right = classifier.logits([Image.open(p) for p in paths]).argmax(1) == labels
    return round(float(right.mean()), 4), len(labels), _per_class(right, labels)


def everything(folder, held, test):
    """The figures of the model card. `held` is (pictures, labels) of the hold-out set."""
    classifier, (pictures, labels) = Classifier(folder), held
    right = classifier.logits([Image.fromarray(p) for p in pictures]).argmax(1) == labels
    report = {"hold_out_accuracy": round(float(right.mean()), 4), "hold_out_pictures": len(labels),
              "model_bytes": (Path(folder) / "model.onnx").stat().st_size}
    if test:
        names = ("test_accuracy", "test_pictures", "test_per_class")
        report |= dict(zip(names, test_accuracy(classifier, test)))
    return report


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("model")
    p.add_argument("pictures", nargs="*")
    p.add_argument("--test", help="folder with one sub-folder of PNGs per class")
    args = p.parse_args()
    classifier = Classifier(args.model)
    if args.test:
        overall, count, per_class = test_accuracy(classifier, args.test)
        print(f"{overall:.2%} of {count} pictures")
        for name, value in per_class.items():
            print(f"  {name:10} {value:.1%}")
    for path in args.pictures:
        row = classifier.logits([Image.open(path)])[0].astype(np.float64)
        score = np.exp(row - row.max())
        score /= score.sum()
        best = score.argsort()[::-1][:3]
        print(path, ", ".join(f"{CLASSES[k]} {score[k]:.2f}" for k in best))


if __name__ == "__main__":
    main()
