"""Random changes to a batch of training pictures, all made in one resampling step.

Most pictures get the mild changes usual for 32x32 pictures: mirrored or not, moved by whole pixels.
One in `strong_every` is prepared for what arrives from larger photographs: zoomed in and out, squeezed,
moved further, with other brightness, contrast and colour strength.
"""
import math

import torch
from torch.nn import functional as F

ZOOM = math.log(1.35)      # largest zoom in or out
SQUEEZE = math.log(1.2)    # largest change of width against height
MOVE_MILD = 2              # whole pixels
MOVE_STRONG = 0.25         # of half the picture's width
LIGHT, CONTRAST, COLOUR = 0.3, 0.25, 0.3


def _uniform(n, limit, rng):
    return (torch.rand(n, generator=rng) * 2 - 1) * limit


def _affine(n, strong, width, rng):
    """-> [n,2,3] matrices from output to input coordinates; `strong` is 1 or 0 for each picture."""
    zoom, squeeze = _uniform(n, ZOOM, rng) * strong, _uniform(n, SQUEEZE, rng) * strong
    mirror = torch.randint(0, 2, (n,), generator=rng) * 2 - 1
    pixels = torch.randint(-MOVE_MILD, MOVE_MILD + 1, (n, 2), generator=rng) * (2 / width)
    far = torch.stack([_uniform(n, MOVE_STRONG, rng) for _ in range(2)], 1)
    move = torch.where(strong[:, None] > 0, far, pixels)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = torch.exp(zoom + squeeze) * mirror
    theta[:, 1, 1] = torch.exp(zoom - squeeze)
    theta[:, :, 2] = move
    return theta


def _colours(x, strong, rng):
    """Brightness, contrast and colour strength, on normalised values."""
    n = len(x)
    light, contrast, colour = (_uniform(n, limit, rng) * strong for limit in (LIGHT, CONTRAST, COLOUR))
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 + colour).view(n, 1, 1, 1)
    return x * (1 + contrast).view(n, 1, 1, 1) + light.view(n, 1, 1, 1)


def augment(x, size, strong_every, rng):
    """x [n,3,32,32], normalised -> [n,3,size,size]; `rng` is the only source of chance."""
    n = len(x)
    strong = (torch.arange(n) % strong_every == strong_every - 1).float()
    grid = F.affine_grid(_affine(n, strong, x.shape[-1], rng), (n, 3, size, size), align_corners=False)
    x = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return _colours(x, strong, rng)
