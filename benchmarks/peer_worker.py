"""A training step of PyTorch or JAX, in an environment of their own, as `benchmarks.protocol` asks
for it.

What: `torch` (fused `nn.LSTM`, `nn.GRU`, `nn.RNN`), `torch-cell` (an LSTM cell in Python), `jax`
(`lax.scan` with the input projection hoisted).  Same work as `tensorflow_worker`: SGD with
momentum, a read-out of 10 classes.
"""

from benchmarks.protocol import Step, serve

CLASSES = 10


def torch_step(peer: str, cell: str, batch: int, time: int, inputs: int, units: int) -> Step:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Cell(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = torch.nn.Parameter(torch.randn(inputs, 4 * units) * 0.05)
            self.recurrent = torch.nn.Parameter(torch.randn(units, 4 * units) * 0.05)
            self.bias = torch.nn.Parameter(torch.zeros(4 * units))

        def forward(self, x):  # type: ignore[no-untyped-def]
            h = c = torch.zeros(batch, units)
            projected = x @ self.kernel + self.bias
            for t in range(time):
                i, f, g, o = (projected[t] + h @ self.recurrent).chunk(4, -1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
            return h

    fused = {
        "lstm": torch.nn.LSTM,
        "gru_reset_after": torch.nn.GRU,
        "gru": torch.nn.GRU,
        "rnn": torch.nn.RNN,
    }
    model = Cell() if peer == "torch-cell" else fused[cell](inputs, units)
    read_out = torch.nn.Linear(units, CLASSES)
    optimizer = torch.optim.SGD([*model.parameters(), *read_out.parameters()], 0.01, momentum=0.9)
    x, y = torch.randn(time, batch, inputs), torch.randint(0, CLASSES, (batch,))

    def step() -> float:
        last = model(x) if peer == "torch-cell" else model(x)[0][-1]
        loss = torch.nn.functional.cross_entropy(read_out(last), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def jax_step(cell: str, batch: int, time: int, inputs: int, units: int) -> Step:
    import jax
    import jax.numpy as jnp

    def lstm(weights, projected, state):  # type: ignore[no-untyped-def]
        h, c = state
        i, f, g, o = jnp.split(projected + h @ weights["r"], 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    def gru(weights, projected, state):  # type: ignore[no-untyped-def]
        (h,) = state
        gates = jax.nn.sigmoid(projected[:, : 2 * units] + h @ weights["r"])
        r, z = gates[:, :units], gates[:, units:]
        n = jnp.tanh(projected[:, 2 * units :] + (r * h) @ weights["n"])
        return ((1 - z) * h + z * n,)

    def rnn(weights, projected, state):  # type: ignore[no-untyped-def]
        return (jnp.tanh(projected + state[0] @ weights["r"]),)

    advance, gates, states, columns = {
        "lstm": (lstm, 4, 2, 4),
        "gru": (gru, 3, 1, 2),
        "rnn": (rnn, 1, 1, 1),
    }[cell]
    keys = jax.random.split(jax.random.PRNGKey(0), 5)
    weights = {
        "k": jax.random.normal(keys[0], (inputs, gates * units)) * 0.05,
        "r": jax.random.normal(keys[1], (units, columns * units)) * 0.05,
        "n": jax.random.normal(keys[2], (units, units)) * 0.05,
        "b": jnp.zeros(gates * units),
        "w": jax.random.normal(keys[3], (units, CLASSES)) * 0.05,
    }
    x, y = jax.random.normal(keys[4], (time, batch, inputs)), jnp.arange(batch) % CLASSES

    def loss(weights):  # type: ignore[no-untyped-def]
        projected = x @ weights["k"] + weights["b"]
        start = (jnp.zeros((batch, units)),) * states
        last, _ = jax.lax.scan(
            lambda state, row: (advance(weights, row, state), None), start, projected
        )
        return -jnp.mean(jax.nn.log_softmax(last[0] @ weights["w"])[jnp.arange(batch), y])

    @jax.jit
    def update(weights, momentum):  # type: ignore[no-untyped-def]
        value, gradient = jax.value_and_grad(loss)(weights)
        momentum = jax.tree.map(lambda m, g: 0.9 * m + g, momentum, gradient)
        return jax.tree.map(lambda w, m: w - 0.01 * m, weights, momentum), momentum, value

    held = [weights, jax.tree.map(jnp.zeros_like, weights)]

    def step() -> float:
        held[0], held[1], value = update(*held)
        return float(value)

    return step


def make(peer: str, cell: str, *sizes: int) -> Step:
    return jax_step(cell, *sizes) if peer == "jax" else torch_step(peer, cell, *sizes)


if __name__ == "__main__":
    serve(make)
