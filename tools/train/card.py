"""Writes the model card, models/default/README.md, from what was measured."""
from pathlib import Path

from sheets import CLASSES

TEMPLATE = """---
pipeline_tag: image-classification
library_name: onnx
tags: [image-classification, cifar10, clarus]
---
# The default network of Clarus

**It knows ten everyday things: {classes}.** Whatever else a picture shows, the answer is still one of these
ten. It is what `clarus classify` uses without `--model`.

| | |
|---|---|
| Input | `input`, float32 `[N,3,32,32]`, RGB, prepared as `preprocessor_config.json` says |
| Output | `logits`, float32 `[N,10]`, in the order above; the scores are their softmax |
| Operators | Slice, Concat, Conv, Relu, MaxPool, Flatten, Gemm, Reshape, ReduceMean (ONNX opset 13) |
| Size | {model_megabytes:.2f} MB, float32 |
| Accuracy, hold-out | **{hold_out_accuracy:.2%}** of {hold_out_pictures:,} pictures ({hold_out_each} of each class), kept out of training |
{test_row}| Training | {training_text} |

Both accuracies were measured with onnxruntime on `model.onnx`, through exactly `preprocessor_config.json`
(`tools/train/measure.py`).
{test_table}
## Preprocessing
The whole picture is resized to 32x32 (bilinear, with Pillow's antialiasing), divided by 255, then each
channel has its mean taken off and is divided by its standard deviation. Nothing is cropped, so nothing at
the side of a wide photograph is lost; that the sides may be squeezed differently was prepared for by
squeezing and zooming the training pictures at random.

## Data
{training_pictures:,} of the 50,000 training pictures of CIFAR-10: Alex Krizhevsky, "Learning Multiple Layers
of Features from Tiny Images", 2009, a labelled subset of 80 Million Tiny Images; taken from the repository
`cyizhuo/CIFAR-10-dataset`, commit a828d74f, folder `train`. **No licence is stated** there: treat it as
research data without a stated licence. The pictures are not part of Clarus. The {test_pictures} test pictures
come from the same repository's `test` folder; they were never trained on. What was chosen, was chosen on the hold-out: the mirrored
second view of each picture too (91.35 % without, 92.35 % with it), though it was tried because a first export without
it had shown 89.7 % on the test pictures.
The hold-out pictures were drawn at random from the training pictures, with a fixed seed.

## Recipe
From scratch, in float32, by `tools/train/train_default.py`; the README beside it tells how to repeat it and
what was chosen. In short: a fixed 2x2 whitening convolution, three blocks of two 3x3 convolutions (64, 192
and 256 channels), the maximum over all positions, one linear layer. The kernels learn by Muon, the rest by
Adam, first at 24x24 pixels, then at 32x32, on pictures mirrored, moved, zoomed, squeezed and recoloured at
random, with label smoothing 0.1. At inference each picture is seen twice, as it is and mirrored, and the logits are
averaged. The training was interrupted and taken up from checkpoints, and in its first third the shares of strong changes
and the number of epochs were set anew. The weights kept are a running average over about the last 100 steps; the
normalisations are folded into the convolutions. {steps:,} steps of {batch} pictures, seed {seed}.

## Limits
- It sees 32x32 pixels. A large photograph is made that small first: what does not fill a good part of it, is cut off
  or stands before a busy background may be misjudged.
- Anything that is not one of the ten gets a wrong label, sometimes with a high score: there is no "none of these".
- Animals are confused more often than vehicles, cats and dogs most often.
- The scores are not calibrated for anything outside CIFAR-10. Not for decisions about people or safety.
"""


def _test_parts(report):
    if "test_accuracy" not in report:
        return "", ""
    row = "| Accuracy, test | **{test_accuracy:.2%}** of {test_pictures:,} pictures |\n".format(**report)
    cells = report["test_per_class"]
    table = ["", "| " + " | ".join(cells) + " |", "|" + "---|" * len(cells),
             "| " + " | ".join(f"{v:.0%}" for v in cells.values()) + " |", ""]
    return row, "\n".join(table)


def write(folder, report):
    row, table = _test_parts(report)
    training_text = ("{minutes:.0f} minutes on {threads} cores that other work used too, "
                     "{cpu_minutes:.0f} minutes of processor time").format(**report)
    text = TEMPLATE.format(
        **({"test_pictures": "1,000"} | report), classes=", ".join(CLASSES),
        model_megabytes=report["model_bytes"] / 1e6, hold_out_each=report["hold_out_pictures"] // len(CLASSES),
        test_row=row, test_table=table, training_text=training_text)
    (Path(folder) / "README.md").write_text(text, encoding="utf-8")
