"""Machine learning with torch: modules, losses, training loops."""

from __future__ import annotations

from tests.honest.material import Exercise

EXERCISES = [
    Exercise(
        """
        # %% plain
        import copy
        import torch
        import torch.nn as nn
        import torch.nn.functional as F
        from torch.testing import assert_close
        # %% answer losses
        def mse(prediction, target):
            ### BEGIN SOLUTION
            return ((prediction - target) ** 2).mean()
            ### END SOLUTION

        def softmax(x):
            ### BEGIN SOLUTION
            e = torch.exp(x - x.max(dim=-1, keepdim=True).values)
            return e / e.sum(dim=-1, keepdim=True)
            ### END SOLUTION

        def zero_negatives_(x):
            ### BEGIN SOLUTION
            x[x < 0] = 0
            return x
            ### END SOLUTION
        # %% test losses_mse 1
        assert mse(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])) == 2
        assert_close(mse(torch.zeros(3), torch.ones(3)), F.mse_loss(torch.zeros(3), torch.ones(3)))
        assert mse(torch.zeros(2), torch.ones(2)).shape == torch.Size([])
        # %% test losses_softmax 1
        torch.manual_seed(0)
        x = torch.randn(4, 5)
        assert torch.allclose(softmax(x), F.softmax(x, dim=-1))
        assert torch.isfinite(softmax(torch.tensor([1e4, 0.0]))).all()
        # %% test losses_gradient 1
        w = torch.tensor([2.0], requires_grad=True)
        mse(w * 3, torch.tensor([0.0])).backward()
        assert w.grad.item() == 36
        # %% test losses_in_place 1
        t = torch.tensor([-1.0, 2.0])
        assert zero_negatives_(t) is t
        assert t.tolist() == [0, 2]
        """,
        (
            "def mse(prediction, target):\n    return F.mse_loss(prediction, target)\ndef softmax(x):\n    return torch.softmax(x, -1)\ndef zero_negatives_(x):\n    return x.clamp_(min=0)",
            "def mse(prediction, target):\n    return ((prediction - target) ** 2).mean().item()\ndef softmax(x):\n    return x.exp() / x.exp().sum(dim=-1, keepdim=True)\ndef zero_negatives_(x):\n    return torch.relu(x)",
            "def mse(prediction, target):\n    return ((prediction.detach() - target) ** 2).mean()\ndef softmax(x):\n    return torch.softmax(x, 0)\ndef zero_negatives_(x):\n    x.clamp_(0)",
        ),
    ),
    Exercise(
        """
        # %% answer network
        ### BEGIN SOLUTION
        class Net(nn.Module):
            def __init__(self, inputs, hidden, outputs):
                super().__init__()
                self.first = nn.Linear(inputs, hidden)
                self.second = nn.Linear(hidden, outputs)

            def forward(self, x):
                return self.second(torch.relu(self.first(x)))

        def count_parameters(model):
            return sum(p.numel() for p in model.parameters() if p.requires_grad)

        def train(model, x, y, steps=50, lr=0.1):
            optimizer = torch.optim.SGD(model.parameters(), lr=lr)
            losses = []
            for _ in range(steps):
                optimizer.zero_grad()
                loss = F.mse_loss(model(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            return losses

        class Scale(nn.Module):
            def __init__(self, factor):
                super().__init__()
                self.factor = nn.Parameter(torch.tensor(float(factor)))

            def forward(self, x):
                return self.factor * x
        ### END SOLUTION
        # %% test network_shapes 1
        net = Net(3, 8, 2)
        assert net(torch.zeros(5, 3)).shape == (5, 2)
        assert isinstance(net, nn.Module) and issubclass(Net, nn.Module)
        # %% test network_count 1
        assert sum(p.numel() for p in Net(3, 8, 2).parameters()) == 50
        assert count_parameters(Net(3, 8, 2)) == 50
        assert count_parameters(nn.Linear(2, 1)) == 3
        # %% test network_layers 1
        linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
        assert len(linear) == 2 and linear[0].in_features == 3
        # %% test network_seed 1
        torch.manual_seed(1)
        one = Net(2, 4, 1)
        torch.manual_seed(1)
        other = Net(2, 4, 1)
        x = torch.ones(1, 2)
        assert torch.equal(one(x), other(x))
        # %% test network_train 2
        torch.manual_seed(0)
        x = torch.linspace(-1, 1, 20).reshape(-1, 1)
        model = Net(1, 16, 1)
        before = [p.clone() for p in model.parameters()]
        losses = train(model, x, 2 * x)
        assert len(losses) == 50 and losses[-1] < losses[0] / 5
        assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters()))
        # %% test network_backward 1
        scale = Scale(3)
        loss = scale(torch.tensor([1.0, 2.0])).sum()
        loss.backward()
        assert scale.factor.grad.item() == 3
        # %% test network_state 1
        state = Scale(2.5).state_dict()
        assert set(state) == {"factor"} and state["factor"] == 2.5
        fresh = Scale(0)
        fresh.load_state_dict(state)
        assert fresh(torch.tensor(2.0)) == 5
        # %% test network_weights 1
        with torch.no_grad():
            scale.factor.fill_(4.0)
        assert scale(torch.tensor(1.0)).item() == 4
        """,
        (
            """
            class Net(nn.Sequential):
                def __init__(self, i, h, o):
                    super().__init__(nn.Linear(i, h), nn.ReLU(), nn.Linear(h, o))
            def count_parameters(model):
                return sum(p.nelement() for p in model.parameters())
            def train(model, x, y, steps=50, lr=0.1):
                losses = []
                for _ in range(steps):
                    loss = ((model(x) - y) ** 2).mean()
                    model.zero_grad()
                    loss.backward()
                    with torch.no_grad():
                        for p in model.parameters():
                            p -= lr * p.grad
                    losses.append(float(loss))
                return losses
            class Scale(nn.Module):
                def __init__(self, factor):
                    super().__init__()
                    self.register_parameter("factor", nn.Parameter(torch.as_tensor(factor, dtype=torch.float32)))
                def forward(self, x):
                    return x * self.factor
            """,
            """
            class Net(nn.Module):
                def __init__(self, i, h, o):
                    super().__init__()
                    self.layers = [nn.Linear(i, h), nn.Linear(h, o)]
                def forward(self, x):
                    return self.layers[1](torch.relu(self.layers[0](x)))
            def count_parameters(model):
                return len(list(model.parameters()))
            def train(model, x, y, steps=50, lr=0.1):
                return [F.mse_loss(model(x), y).item() for _ in range(steps)]
            class Scale(nn.Module):
                def __init__(self, factor):
                    super().__init__()
                    self.factor = torch.tensor(float(factor))
                def forward(self, x):
                    return self.factor * x
            """,
            """
            class Net:
                def __init__(self, i, h, o):
                    self.w1, self.w2 = torch.randn(i, h), torch.randn(h, o)
                def __call__(self, x):
                    return torch.relu(x @ self.w1) @ self.w2
            def train(model, x, y, steps=50, lr=0.1):
                raise NotImplementedError
            """,
        ),
    ),
    Exercise(
        """
        # %% given data
        def make_base(seed):
            torch.manual_seed(seed)
            return nn.Linear(4, 3)

        POINTS = torch.tensor([[0.0, 0.0], [1.0, 1.0], [9.0, 9.0]])
        # %% answer adapters
        ### BEGIN SOLUTION
        class LoRALinear(nn.Module):
            def __init__(self, base, r):
                super().__init__()
                self.base = base
                for p in base.parameters():
                    p.requires_grad_(False)
                self.A = nn.Parameter(torch.randn(r, base.in_features))
                self.B = nn.Parameter(torch.zeros(base.out_features, r))

            def forward(self, x):
                return self.base(x) + x @ self.A.T @ self.B.T

        def nearest(points, query):
            return torch.cdist(query[None], points).argmin().item()

        centred = POINTS - POINTS.mean(dim=0)
        ### END SOLUTION
        # %% test adapters_layer 2
        layer = LoRALinear(make_base(seed=1), r=2)
        x = torch.ones(2, 4)
        assert_close(layer(x), make_base(seed=1)(x))
        trainable = {name for name, p in layer.named_parameters() if p.requires_grad}
        assert trainable == {"A", "B"}
        assert layer.A.shape == (2, 4) and not layer.base.weight.requires_grad
        # %% test adapters_nearest 1
        assert nearest(POINTS, torch.tensor([8.0, 8.0])) == 2
        assert_close(centred.mean(dim=0), torch.zeros(2), atol=1e-5, rtol=0)
        assert torch.equal(POINTS[0], torch.zeros(2))
        """,
        (
            """
            class LoRALinear(nn.Module):
                def __init__(self, base, r):
                    super().__init__()
                    self.base = base.requires_grad_(False)
                    self.A = nn.Parameter(0.01 * torch.randn(r, base.weight.shape[1]))
                    self.B = nn.Parameter(torch.zeros(base.weight.shape[0], r))
                def forward(self, x):
                    return F.linear(x, self.base.weight + self.B @ self.A, self.base.bias)
            def nearest(points, query):
                return int(((points - query) ** 2).sum(1).argmin())
            centred = torch.stack([p - POINTS.mean(0) for p in POINTS])
            """,
            """
            class LoRALinear(nn.Module):
                def __init__(self, base, r):
                    super().__init__()
                    self.base = base
                    self.A = nn.Parameter(torch.randn(r, 4))
                    self.B = nn.Parameter(torch.randn(3, r))
                def forward(self, x):
                    return self.base(x) + x @ self.A.T @ self.B.T
            def nearest(points, query):
                points -= query
                return points.norm(dim=1).argmin()
            centred = POINTS.sub_(POINTS.mean(dim=0))
            """,
        ),
    ),
]
