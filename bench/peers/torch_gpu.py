"""torch_gpu.py -- PyTorch's side of bench/gpu.py's cases, channels last, on a GPU or, to be tried
where there is none, on the CPU.

    torch_gpu.py forward MODE DEVICE TYPE MODEL BATCH IMAGES
    torch_gpu.py step MODE DEVICE TYPE MODEL PEOPLE FACES IMAGES

MODE is eager, or torch.compile's: default, reduce-overhead (CUDA graphs) or
max-autotune-no-cudagraphs. TYPE is fp32, tf32 or bf16 (autocast). IMAGES begins with the batch's
floats [N, H, W, C]; they go to the device before anything is timed."""
import sys

import numpy as np
import wire

MODES = ["default", "reduce-overhead", "max-autotune-no-cudagraphs"]


def read_images(path, size, batch, device):
    import torch
    x = np.fromfile(path, "<f4", batch * int(np.prod(size))).reshape(batch, *size)
    return torch.from_numpy(x.transpose(0, 3, 1, 2)).to(device)  # a view: channels last already


def open_model(mode, device, kind, model):
    import network
    import torch
    torch.manual_seed(1)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = kind != "fp32"
    torch.backends.cuda.matmul.allow_tf32 = kind == "tf32"
    module, size = network.build(model)
    module = module.to(device, memory_format=torch.channels_last)
    if mode != "eager" and mode not in MODES:
        raise ValueError(f"mode '{mode}' is neither eager nor one of {', '.join(MODES)}")
    return module, size, f"torch {torch.__version__} {mode}"


def compiled(module, mode):
    import torch
    return module if mode == "eager" else torch.compile(module, mode=mode, dynamic=False)


def device_of(name):
    """(Wait until it is done; give memory back where others may lack it; words about the most that
    was taken)."""
    import torch
    if name != "cuda":
        return lambda: None, lambda: None, lambda: "memory_mb 0"

    def rest():
        free, total = torch.cuda.mem_get_info()
        if free < 0.5 * total:
            torch.cuda.empty_cache()

    return (torch.cuda.synchronize, rest,
            lambda: f"memory_mb {torch.cuda.max_memory_reserved() >> 20}")


def open_forward(mode, device, kind, model, batch, images):
    import torch
    module, size, version = open_model(mode, device, kind, model)
    x = read_images(images, size, int(batch), device)
    module.eval().requires_grad_(False)
    if mode != "eager":
        torch._inductor.config.freezing = True  # weights cast, batch norm folded once
    network, last = compiled(module, mode), []
    wait, rest, memory = device_of(device)

    def run():
        torch.compiler.cudagraph_mark_step_begin()
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=kind == "bf16"):
            last[:] = [network(x)]

    return version, run, lambda: (last[0].float().cpu().numpy(), memory()), wait, rest


def adagrad(module, device):
    """In one kernel where this PyTorch has it for the device, else by lists of tensors."""
    import torch
    o = {"lr": 1e-7, "eps": 1e-8, "initial_accumulator_value": 0.1}
    probe = torch.zeros(4, device=device, requires_grad=True)
    probe.grad = torch.ones_like(probe)
    try:
        torch.optim.Adagrad([probe], fused=True, **o).step()
    except (RuntimeError, NotImplementedError):
        return torch.optim.Adagrad(module.parameters(), foreach=True, **o), "foreach AdaGrad"
    return torch.optim.Adagrad(module.parameters(), fused=True, **o), "fused AdaGrad"


def open_step(mode, device, kind, model, people, faces, images):
    import torch
    import triplets
    module, size, version = open_model(mode, device, kind, model)
    label = triplets.labels(int(people), int(faces)).to(device)
    x = read_images(images, size, len(label), device)
    optimizer, which = adagrad(module, device)
    network, last = compiled(module, mode), []
    wait, rest, memory = device_of(device)

    def run():
        torch.compiler.cudagraph_mark_step_begin()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=kind == "bf16"):
            e = network(x).float()
        with torch.no_grad():
            mined = triplets.semihard(triplets.squared_distances(e), label)
        loss = triplets.loss_by_distances(e, mined)
        loss.backward()
        optimizer.step()
        last[:] = [e, loss, mined]

    def result():
        e, loss, mined = last
        return e.detach().cpu().numpy(), f"{triplets.words(module, mined, loss)} {memory()}"

    return f"{version}, {which}", run, result, wait, rest


if __name__ == "__main__":
    wire.serve({"forward": open_forward, "step": open_step}[sys.argv[1]], sys.argv[2:])
