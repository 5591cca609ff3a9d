"""torch_net.py -- PyTorch's side of the cases of a network, channels last.

    torch_net.py forward MODE TYPE THREADS MODEL BATCH IMAGES
    torch_net.py step MODE TYPE THREADS MODEL PEOPLE FACES IMAGES

MODE is eager, plain (eager, with PyTorch's own LRN and L2 pooling) or compile; TYPE f32 or bf16
(autocast)."""
import sys

import numpy as np
import wire


def read_images(path, size):
    import torch
    x = np.fromfile(path, "<f4").reshape(-1, *size).transpose(0, 3, 1, 2)
    return torch.from_numpy(x)  # a view: channels last already


def open_model(mode, threads, model):
    import network
    import torch
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    module, size = network.build(model, mode == "plain")
    words = {"eager": "eager", "plain": "eager, own modules", "compile": "compiled"}[mode]
    return module.to(memory_format=torch.channels_last), size, f"torch {torch.__version__} {words}"


def open_forward(mode, kind, threads, model, batch, images):
    import torch
    module, size, version = open_model(mode, threads, model)
    x = read_images(images, size)
    assert len(x) == int(batch)
    module.eval().requires_grad_(False)
    if mode == "compile":
        torch._inductor.config.freezing = True  # weights packed, batch norm folded
        module = torch.compile(module)
    last = []

    def run():
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            last[:] = [module(x)]

    return version, run, lambda: (last[0].float().numpy(), "")


def open_step(mode, kind, threads, model, people, faces, images):
    import torch
    import triplets
    module, size, version = open_model(mode, threads, model)
    x = read_images(images, size)
    label = triplets.labels(int(people), int(faces))
    assert len(x) == len(label)
    adagrad = torch.optim.Adagrad(module.parameters(), lr=1e-7, eps=1e-8,
                                  initial_accumulator_value=0.1, fused=True)
    network = torch.compile(module) if mode == "compile" else module
    last = []

    def run():
        adagrad.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            e = network(x).float()
        with torch.no_grad():
            mined = triplets.semihard(triplets.squared_distances(e), label)
        loss = triplets.loss(e, mined)
        loss.backward()
        adagrad.step()
        last[:] = [e, loss, mined]

    def result():
        e, loss, mined = last
        return e.detach().numpy(), triplets.words(module, mined, loss)

    return version, run, result


if __name__ == "__main__":
    wire.serve({"forward": open_forward, "step": open_step}[sys.argv[1]], sys.argv[2:])
