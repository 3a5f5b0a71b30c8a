"""Class-conditional flow matching over feature vectors.

Lipman et al. 2023, "Flow Matching for Generative Modeling", with straight paths: z(t) = (1 - t) * noise + t * x, so
dz/dt = x - noise; Ho & Salimans 2022, "Classifier-Free Diffusion Guidance".

Shapes: N faces, F features, W width, V width of the condition, K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import trange

from emopipe.balance.optimizer import build_optimizer

WIDTH, CONDITION_WIDTH, NUM_BLOCKS = 512, 128, 3
BATCH = 256
LEARNING_RATE = 1e-3
EMA_DECAY = 0.995
LABEL_DROPOUT = 0.1
"""Share of the training faces without their class, for the unconditional velocity of the guidance."""
GUIDANCE_SCALE = 2.0
NUM_STEPS = 24
"""Integration steps (midpoint rule) from noise to features."""
_NUM_FREQUENCIES = 32


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


class VelocityNetwork(nn.Module):
    """Features (N, F) at times (N,) with class indices (N,) to velocities dz/dt (N, F); class K is unconditional."""

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.enter = nn.Linear(num_features, WIDTH)
        self.time = nn.Sequential(
            nn.Linear(2 * _NUM_FREQUENCIES, CONDITION_WIDTH), nn.SiLU(), nn.Linear(CONDITION_WIDTH, CONDITION_WIDTH)
        )
        self.label = nn.Embedding(num_classes + 1, CONDITION_WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(NUM_BLOCKS))
        self.leave = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, num_features))

    def forward(self, features: Tensor, times: Tensor, classes: Tensor) -> Tensor:
        phases = times[:, None] * torch.exp(torch.linspace(0, 6, _NUM_FREQUENCIES, device=times.device))
        condition = F.silu(self.time(torch.cat([phases.sin(), phases.cos()], dim=1)) + self.label(classes))  # (N, V)
        x = self.enter(features)  # (N, W)
        for block in self.blocks:
            x = block(x, condition)
        velocity: Tensor = self.leave(x)
        return velocity


def train_flow_matching(
    features: Tensor, classes: Tensor, num_classes: int, *, steps: int, generator: torch.Generator, device: str
) -> VelocityNetwork:
    """Train on features (N, F) with class indices (N,); classes are sampled in proportion to the root of their size."""
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = VelocityNetwork(features.shape[1], num_classes).to(device)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(EMA_DECAY)
    )
    optimizer, schedule = build_optimizer(network, LEARNING_RATE, steps)
    weights = classes.bincount(minlength=num_classes).double()[classes] ** -0.5
    for _ in trange(steps, desc="flow", unit=" steps", leave=False, disable=None):
        rows = torch.multinomial(weights, BATCH, replacement=True, generator=generator)
        x, noise = features[rows], torch.randn(BATCH, features.shape[1], generator=generator)
        times = torch.randn(BATCH, generator=generator).sigmoid()  # logit-normal (Esser et al. 2024)
        dropped = torch.rand(BATCH, generator=generator) < LABEL_DROPOUT
        labels = torch.where(dropped, num_classes, classes[rows])
        z = (1 - times[:, None]) * noise + times[:, None] * x
        velocity = network(z.to(device), times.to(device), labels.to(device))
        loss = F.mse_loss(velocity, (x - noise).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
    network.load_state_dict(average.module.state_dict())
    return network.eval()


@torch.inference_mode()
def sdedit(network: VelocityNetwork, features: Tensor, classes: Tensor, noise: Tensor, strength: float) -> Tensor:
    """Features (N, F) of `classes` (N,): move `features` a share `strength` of the way to `noise` and integrate back.

    Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations".
    """
    time = 1 - strength
    z = (1 - time) * noise + time * features
    num_steps = max(round(strength * NUM_STEPS), 1)
    step = strength / num_steps
    for _ in range(num_steps):
        midpoint = z + step / 2 * _guided_velocity(network, z, time, classes)
        z = z + step * _guided_velocity(network, midpoint, time + step / 2, classes)
        time += step
    return z


def _guided_velocity(network: VelocityNetwork, z: Tensor, time: float, classes: Tensor) -> Tensor:
    times = torch.full((2 * len(z),), time, device=z.device)
    both = network(z.repeat(2, 1), times, torch.cat([classes, torch.full_like(classes, network.num_classes)]))
    conditional, unconditional = both.chunk(2)
    guided: Tensor = unconditional + GUIDANCE_SCALE * (conditional - unconditional)
    return guided
