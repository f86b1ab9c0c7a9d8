"""The network: a small plain convolutional net on 32x32 pictures, and its folding for inference.

    whiten  conv 2x2, 3 -> 24, frozen: the principal directions of 2x2 patches, each with both signs; ReLU
    block   conv 3x3, max-pool 2, norm, ReLU, conv 3x3, norm, ReLU       three times: 64, 192, 256 channels
    head    maximum over all positions, linear 256 -> 10

The normalisation has a learnt shift but no learnt scale. So its factor 1/sigma is positive, max-pooling
commutes with it, and at inference it folds into the convolution before the pooling.
"""
import torch
from torch import nn

WIDTHS = (64, 192, 256)
PATCH = 2


class Norm(nn.BatchNorm2d):
    """Batch normalisation whose scale stays 1."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-5, momentum=0.2)
        self.weight.requires_grad_(False)


def conv3x3(inputs, outputs):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.orthogonal_(conv.weight.view(outputs, -1))
    return conv


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1, self.norm1 = conv3x3(inputs, outputs), Norm(outputs)
        self.conv2, self.norm2 = conv3x3(outputs, outputs), Norm(outputs)
        self.pool, self.relu = nn.MaxPool2d(2), nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.relu(self.norm1(self.pool(self.conv1(x))))
        return self.relu(self.norm2(self.conv2(x)))


class Network(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.whiten = nn.Conv2d(3, 2 * 3 * PATCH * PATCH, PATCH)
        self.whiten.weight.requires_grad_(False)
        nn.init.zeros_(self.whiten.bias)
        widths = (self.whiten.out_channels,) + WIDTHS
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in zip(widths, WIDTHS)))
        self.head = nn.Linear(WIDTHS[-1], classes)

    def forward(self, x):
        x = self.blocks(torch.relu(self.whiten(x)))
        return self.head(x.amax(dim=(2, 3)))

    @torch.no_grad()
    def set_whitening(self, pictures, eps=5e-4):
        """Principal directions of the patches of `pictures` [n,3,h,w], scaled to unit variance."""
        patches = nn.functional.unfold(pictures, PATCH)
        rows = patches.transpose(1, 2).reshape(-1, patches.shape[1]).double()
        values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
        filters = (vectors / torch.sqrt(values + eps)).T.float().reshape(-1, 3, PATCH, PATCH)
        self.whiten.weight.copy_(torch.cat([filters, -filters]))


@torch.no_grad()
def folded_layers(net):
    """-> [(name, weight, bias)] of the inference network, the normalisations folded in (float32)."""
    layers = [("whiten", net.whiten.weight, net.whiten.bias)]
    for number, block in enumerate(net.blocks, 1):
        for part, conv, norm in ((1, block.conv1, block.norm1), (2, block.conv2, block.norm2)):
            scale = 1 / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = conv.weight.double() * scale[:, None, None, None]
            bias = norm.bias.double() - norm.running_mean.double() * scale
            layers.append((f"block{number}.conv{part}", weight, bias))
    layers.append(("head", net.head.weight, net.head.bias))
    return [(name, w.float().contiguous().numpy(), b.float().numpy()) for name, w, b in layers]
