"""Muon: momentum whose matrix is made orthogonal before the step (Jordan et al., 2024).

For a kernel seen as a matrix [outputs, inputs*kh*kw], the momentum U S V^T is replaced by about U V^T: every
direction is learnt at the same rate. Five steps of an odd polynomial do this with matrix products alone.
Kernels are kept at a fixed norm, which the normalisation after them makes free of consequence, so that the
learning rate is an angle.
"""
import torch

A, B, C = 3.4445, -4.7750, 2.0315   # coefficients of the quintic iteration, from the paper


def orthogonalised(matrix, steps=5):
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        gram = x @ x.T
        x = A * x + (B * gram + C * gram @ gram) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For convolution kernels that a normalisation follows."""

    def __init__(self, kernels, lr, momentum=0.9):
        super().__init__(kernels, dict(lr=lr, momentum=momentum))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                trace = self.state[p].setdefault("trace", torch.zeros_like(p))
                trace.mul_(group["momentum"]).add_(p.grad)
                ahead = p.grad + group["momentum"] * trace
                p.mul_(len(p) ** 0.5 / p.norm())
                step = orthogonalised(ahead.reshape(len(p), -1)).reshape(p.shape)
                p.add_(step, alpha=-group["lr"])
