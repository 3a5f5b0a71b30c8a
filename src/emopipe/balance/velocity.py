"""A class-conditional velocity field over features, and how features flow along it.

Lipman et al. 2023, "Flow Matching for Generative Modeling", with straight paths: z(t) = (1 - t) * noise + t * x, so
dz/dt = x - noise. Classes are guided by Ho & Salimans 2022, "Classifier-Free Diffusion Guidance".
Shapes: N faces, F features, W width, V width of the condition, K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

from emopipe.balance.schedule import rates

WIDTH, CONDITION_WIDTH, NUM_BLOCKS = 512, 128, 3
BATCH = 256
PEAK_RATE = 1e-3
WEIGHT_AVERAGE = 0.995
UNCONDITIONAL = 0.1
"""Share of the faces that are shown without their class, for the guidance."""
GUIDANCE = 2.0
"""How many times the difference that the class makes is taken."""
NUM_STEPS = 24
"""Of the integration, from noise to features; midpoint rule."""
_TIME_WAVES = 32


class Block(nn.Module):
    """x + gate * MLP(scale * norm(x) + shift), all three from time and class (Peebles & Xie 2023, "Scalable Diffusion
    Models with Transformers", adaLN-Zero)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.body = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.condition = nn.Linear(CONDITION_WIDTH, 3 * WIDTH)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(N, W) and (N, V) to (N, W)."""
        scale, shift, gate = self.condition(condition).chunk(3, dim=1)
        out: Tensor = x + gate * self.body(self.norm(x) * (1 + scale) + shift)
        return out


class Velocity(nn.Module):
    """Features (N, F) at times (N,) with class indices (N,) to velocities (N, F); K stands for no class."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.enter = nn.Linear(num_features, WIDTH)
        self.time = nn.Sequential(
            nn.Linear(2 * _TIME_WAVES, CONDITION_WIDTH), nn.SiLU(), nn.Linear(CONDITION_WIDTH, CONDITION_WIDTH)
        )
        self.label = nn.Embedding(num_classes + 1, CONDITION_WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(NUM_BLOCKS))
        self.leave = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, num_features))

    def forward(self, features: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """dz/dt."""
        waves = times[:, None] * torch.exp(torch.linspace(0, 6, _TIME_WAVES, device=times.device))
        condition = F.silu(self.time(torch.cat([waves.sin(), waves.cos()], dim=1)) + self.label(labels))  # (N, V)
        x = self.enter(features)  # (N, W)
        for block in self.blocks:
            x = block(x, condition)
        velocity: Tensor = self.leave(x)
        return velocity


def train_velocity(
    features: Tensor, classes: Tensor, num_classes: int, *, steps: int, generator: torch.Generator, device: str
) -> Velocity:
    """Learn from features (N, F) with class indices (N,), drawn so that small classes come more often: by the square
    root of their size."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = Velocity(features.shape[1], num_classes).to(device)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(WEIGHT_AVERAGE)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rates(steps))
    often = classes.bincount(minlength=num_classes).double()[classes] ** -0.5
    for _ in trange(steps, desc="flow", unit=" steps", leave=False, disable=None):
        rows = torch.multinomial(often, BATCH, replacement=True, generator=generator)
        wanted, noise = features[rows], torch.randn(BATCH, features.shape[1], generator=generator)
        times = torch.randn(BATCH, generator=generator).sigmoid()  # Esser et al. 2024: more from the middle
        hidden = torch.rand(BATCH, generator=generator) < UNCONDITIONAL
        labels = torch.where(hidden, num_classes, classes[rows])
        at = times[:, None]
        found = network(((1 - at) * noise + at * wanted).to(device), times.to(device), labels.to(device))
        loss = F.mse_loss(found, (wanted - noise).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
    network.load_state_dict(average.module.state_dict())
    return network.eval()


@torch.inference_mode()
def renoised(network: Velocity, features: Tensor, labels: Tensor, noise: Tensor, strength: float) -> Tensor:
    """Take features (N, F) a share `strength` of the way to `noise`, and let them flow back as of `labels` (N,).

    Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations".
    """
    time = 1 - strength
    z = (1 - time) * noise + time * features
    num_steps = max(round(strength * NUM_STEPS), 1)
    step = strength / num_steps
    for _ in range(num_steps):
        half = z + step / 2 * _guided(network, z, time, labels)
        z = z + step * _guided(network, half, time + step / 2, labels)
        time += step
    return z


def _guided(network: Velocity, z: Tensor, time: float, labels: Tensor) -> Tensor:
    """The velocity without a class, plus `GUIDANCE` times what the class adds."""
    times = torch.full((2 * len(z),), time, device=z.device)
    both = network(z.repeat(2, 1), times, torch.cat([labels, torch.full_like(labels, network.num_classes)]))
    with_class, without = both.chunk(2)
    guided: Tensor = without + GUIDANCE * (with_class - without)
    return guided
