"""The project's own CNN: convolution, batch norm, max pooling, dropout, global average pooling, fully connected.

Its first convolution halves the side, for more epochs in the same time; EXPERIMENTS.md has the alternatives tried.
Shapes: N images, D input channels, S side, K classes.
"""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)  # at a half, a quarter, an eighth and a sixteenth of the side
BLOCKS = (1, 1, 1, 1)  # residual blocks at each
DROPOUT = 0.2


class Residual(nn.Module):
    """relu(x + BN(conv(relu(BN(conv(x)))))), same shape (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(x + self.body(x))


def conv(inputs: int, outputs: int, *, stride: int = 1) -> list[nn.Module]:
    """A 3x3 convolution with batch norm and ReLU."""
    layer = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def cnn(num_classes: int, channels: int) -> nn.Module:
    """Build the CNN: float (N, D, S, S) to logits (N, K), for S of at least 16."""
    layers = conv(channels, WIDTHS[0], stride=2)  # (N, 32, S/2, S/2)
    for stage, (width, num_blocks) in enumerate(zip(WIDTHS, BLOCKS, strict=True)):
        if stage > 0:
            layers += [nn.MaxPool2d(2), *conv(WIDTHS[stage - 1], width)]
        layers += [Residual(width) for _ in range(num_blocks)]
    return nn.Sequential(
        *layers,  # (N, 256, S/16, S/16)
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(DROPOUT),
        nn.Linear(WIDTHS[-1], num_classes),
    )
