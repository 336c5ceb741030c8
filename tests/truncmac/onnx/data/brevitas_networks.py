"""How the two files beside it were made: Brevitas 0.13.4, PyTorch 2.13.0, onnx 1.23.2.

Brevitas is no dependency of this package. A small residual network with 4-bit weights and
activations, its first and last layers with 8 bits, is trained on 1400 of scikit-learn's digits
and exported as QONNX and as ONNX with QuantizeLinear pairs.
"""

import brevitas.nn as qnn
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from brevitas.quant import Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
from sklearn.datasets import load_digits
from torch import nn


class Network(nn.Module):
    """Three convolutions, a residual whose branch has signed codes, and a linear layer."""

    def __init__(self):
        super().__init__()
        codes = {"return_quant_tensor": True}
        self.inp = qnn.QuantIdentity(act_quant=Uint8ActPerTensorFloat, **codes)
        eight = {"weight_bit_width": 8, "weight_quant": Int8WeightPerChannelFloat}
        self.c1 = qnn.QuantConv2d(1, 8, 3, padding=1, bias=False, **eight)
        self.b1 = nn.BatchNorm2d(8)
        self.r1 = qnn.QuantReLU(bit_width=4, **codes)
        self.c2 = qnn.QuantConv2d(8, 8, 3, padding=1, bias=True, weight_bit_width=4)
        self.b2 = nn.BatchNorm2d(8)
        self.q2 = qnn.QuantIdentity(bit_width=5, **codes)
        self.r2 = qnn.QuantReLU(bit_width=4, **codes)
        self.mp = nn.MaxPool2d(2)
        self.c3 = qnn.QuantConv2d(8, 12, 3, stride=2, bias=False, weight_bit_width=4)
        self.b3 = nn.BatchNorm2d(12)
        self.r3 = qnn.QuantReLU(bit_width=4, **codes)
        self.fc = qnn.QuantLinear(12, 10, bias=True, weight_bit_width=8)

    def forward(self, x):
        x = self.r1(self.b1(self.c1(self.inp(x))))
        y = self.q2(self.b2(self.c2(x)))
        x = self.mp(self.r2(y.value + x.value))
        x = self.r3(self.b3(self.c3(x)))
        return self.fc(torch.flatten(x, 1))


def main():
    torch.manual_seed(0)
    source = load_digits()
    images = torch.tensor(source.images[:, None] / 16 * 255).round().float() / 255
    labels = torch.tensor(source.target)
    model = Network().train()
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(12):
        for batch in torch.randperm(1400).split(64):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()
    for name, export in (("qonnx", export_qonnx), ("qcdq", export_onnx_qcdq)):
        path = f"brevitas_{name}.onnx"
        export(model, args=images[:1], export_path=path, opset_version=14, dynamo=False)


if __name__ == "__main__":
    main()
