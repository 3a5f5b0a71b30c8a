"""The project's own CNN: convolution, batch norm, max pooling, dropout, global average pooling, fully connected.

Most work happens at a quarter of the input's side and below, where a small grey face still shows its expression.
Shapes: N pictures, D input channels, S side, K classes.
"""

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)
DROPOUT = 0.3


class Residual(nn.Module):
    """relu(x + BN(conv(relu(BN(conv(x)))))), same shape (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in."""
        return nn.functional.relu(x + self.body(x))


def conv(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3x3 convolution with batch norm and ReLU."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def cnn(num_classes: int, channels: int) -> nn.Module:
    """Build it: float (N, D, S, S) to logits (N, K), for S of at least 16."""
    stem, early, middle, late = WIDTHS
    return nn.Sequential(
        *conv(channels, stem),  # (N, 32, S, S)
        nn.MaxPool2d(2),
        *conv(stem, early),  # (N, 64, S/2, S/2)
        nn.MaxPool2d(2),
        *conv(early, middle),  # (N, 128, S/4, S/4)
        nn.MaxPool2d(2),
        *conv(middle, late),  # (N, 256, S/8, S/8)
        Residual(late),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(DROPOUT),
        nn.Linear(late, num_classes),
    )
