"""A small convolutional autoencoder of faces, whose codes the strategies in latent space interpolate and generate.

Shapes: N faces, C channels, S side (a multiple of 8), D = S / 8, L channels of a code.
"""

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 128)  # at a half, a quarter and an eighth of the side
CODE_CHANNELS = 16
REDUCTION = 8
"""How many times smaller than the picture a code is, along each axis."""


class Residual(nn.Module):
    """x + conv1(relu(BN(conv3(relu(BN(x)))))), same shape (He et al. 2016, "Identity Mappings", pre-activated)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1, bias=False)),
            *(nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.Conv2d(width, width, 1, bias=False)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        out: Tensor = x + self.body(x)
        return out


class Autoencoder(nn.Module):
    """Float (N, C, S, S) in 0..1 to codes (N, L, D, D) and back.

    Each channel of the codes has mean 0 and variance 1 over the training faces (the encoder ends in batch norm without
    weights), so that noise and steps in code space have a known size.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half, quarter, eighth = WIDTHS
        self.encoder = nn.Sequential(
            *(nn.Conv2d(channels, half, 4, stride=2, padding=1), nn.ReLU(inplace=True)),  # (N, 32, S/2, S/2)
            *(nn.Conv2d(half, quarter, 4, stride=2, padding=1), Residual(quarter)),  # (N, 64, S/4, S/4)
            *(nn.Conv2d(quarter, eighth, 4, stride=2, padding=1), Residual(eighth)),  # (N, 128, D, D)
            *(nn.BatchNorm2d(eighth), nn.ReLU(inplace=True), nn.Conv2d(eighth, CODE_CHANNELS, 1)),
            nn.BatchNorm2d(CODE_CHANNELS, affine=False),  # (N, L, D, D)
        )
        self.decoder = nn.Sequential(
            *(nn.Conv2d(CODE_CHANNELS, eighth, 3, padding=1), Residual(eighth), Residual(eighth)),  # (N, 128, D, D)
            *(nn.Conv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2), Residual(quarter)),  # (N, 64, S/4, S/4)
            *(nn.Conv2d(quarter, 4 * half, 1), nn.PixelShuffle(2), Residual(half)),  # (N, 32, S/2, S/2)
            *(nn.BatchNorm2d(half), nn.ReLU(inplace=True), nn.Conv2d(half, 4 * channels, 3, padding=1)),
            nn.PixelShuffle(2),  # (N, C, S, S)
        )

    def encode(self, pictures: Tensor) -> Tensor:
        """Codes (N, L, D, D)."""
        codes: Tensor = self.encoder(pictures.contiguous(memory_format=torch.channels_last))
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """Float (N, C, S, S); not clamped, so that the loss has a gradient everywhere."""
        pictures: Tensor = self.decoder(codes.contiguous(memory_format=torch.channels_last))
        return pictures
