"""onnx_net.py -- a forward pass of our ONNX export in onnxruntime or OpenVINO.

    onnx_net.py onnxruntime|openvino TYPE THREADS MODEL BATCH HEIGHT WIDTH IMAGES"""
import sys

import numpy as np
import wire


def open_onnxruntime(threads, model, x):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    probe = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = probe.get_inputs()[0]
    options.add_free_dimension_override_by_name(given.shape[0], len(x))
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return f"onnxruntime {ort.__version__}", lambda: session.run(None, {given.name: x})[0]


def open_openvino(kind, threads, model, x):
    import openvino as ov
    core = ov.Core()
    graph = core.read_model(model)
    graph.reshape(list(x.shape))
    compiled = core.compile_model(graph, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": kind, "ENABLE_CPU_PINNING": False})
    request = compiled.create_infer_request()
    tensor = ov.Tensor(x, shared_memory=True)

    def infer():
        request.infer({0: tensor})
        return request.get_output_tensor(0).data

    return f"openvino {ov.__version__.partition('-')[0]}", infer


def open_peer(engine, kind, threads, model, batch, height, width, images):
    x = np.fromfile(images, "<f4").reshape(int(batch), int(height), int(width), 3)
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if engine == "onnxruntime":
        version, infer = open_onnxruntime(int(threads), model, x)
    else:
        version, infer = open_openvino(kind, int(threads), model, x)
    last = []

    def run():
        last[:] = [infer()]

    return version, run, lambda: (last[0], "")


if __name__ == "__main__":
    wire.serve(open_peer, sys.argv[1:])
