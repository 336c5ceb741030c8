"""Float modules as people write them: functions, shared modules, additions of any order."""

import torch
import torch.nn.functional as F  # noqa: N812 (PyTorch's own habit)
from torch import nn


class Functional(nn.Module):
    """Nothing but its layers of weights is a module."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 12, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.second = nn.Conv2d(12, 12, 3, padding=1)
        self.third = nn.Conv2d(12, 12, 3, padding=1)
        self.fourth = nn.Conv2d(12, 24, 3, padding=1)
        self.head = nn.Linear(24, 10)

    def forward(self, images):
        values = F.relu(self.norm(self.first(images)))
        values = values + F.relu(self.second(values))  # codes meet codes
        values = (self.third(values) + values).relu()  # the sums come first
        values = F.relu(F.max_pool2d(self.fourth(values), 2))  # the pool before the ReLU
        values = F.dropout(F.adaptive_avg_pool2d(values, 1), training=self.training)
        return F.log_softmax(self.head(torch.flatten(values, 1)), dim=1)


class Modules(nn.Module):
    """A ReLU that is used again and again, pools before ReLUs, and a mean without a module."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.first = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8))
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.six = nn.ReLU6()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(16, 10)
        self.soft = nn.Softmax(dim=1)

    def forward(self, images):
        values = self.relu(self.pool(self.first(images)))
        values = self.six(self.second(values)).mean((2, 3))
        return self.soft(self.head(self.drop(values)))


def trained(module, images, labels, steps=60):
    """The module after some steps of training, in evaluation mode."""
    torch.manual_seed(0)
    for part in module.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    inputs = torch.tensor(images, dtype=torch.float32) / 255
    wanted = torch.tensor(labels, dtype=torch.int64)
    optimiser = torch.optim.Adam(module.train().parameters(), 5e-3)
    for _ in range(steps):
        outputs = module(inputs)
        loss = F.nll_loss(F.log_softmax(outputs, 1), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return module.eval()
