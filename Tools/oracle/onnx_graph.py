#!/usr/bin/env python3
"""Writes Fixtures/onnx/graph.onnx and graph_external.onnx with onnx itself, for our writer's bytes to be held against.

    python3 Tools/oracle/onnx_graph.py Fixtures/onnx

Needs onnx 1.23.2, onnxruntime 1.32.0 and numpy. The same graph is in Tests/ForeignFormatsTests/ONNXWriterTests.swift.
Both files are run with onnxruntime before they are kept.
"""

import os
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

TYPES = [
    TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE, TensorProto.INT64,
    TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL,
]  # fmt: skip


def weights():
    """A weight of every type; byte i of the one is i, of the BOOL i % 2."""
    size = {TensorProto.BFLOAT16: 2}
    yield "weight", TensorProto.FLOAT, [2, 3], numpy.arange(6, dtype="<f4").tobytes()
    yield "empty", TensorProto.FLOAT, [0, 3], b""
    yield "scalar", TensorProto.FLOAT, [], numpy.float32(0.5).tobytes()
    for type in TYPES:
        width = size.get(type) or helper.tensor_dtype_to_np_dtype(type).itemsize
        step = 2 if type == TensorProto.BOOL else 256
        name = "typed_" + TensorProto.DataType.Name(type)
        yield name, type, [3], bytes(i % step for i in range(3 * width))


def model(external):
    """y = relu(x · weightᵀ) · scalar + bias, and a Cast of a weight of every type that nothing needs."""
    constant = numpy_helper.from_array(numpy.array([-1, 7], "<f4"))
    nodes = [
        helper.make_node("Constant", [], ["bias"], name="bias", value=constant),
        helper.make_node("Transpose", ["weight"], ["transposed"], name="transpose", perm=[1, 0]),
        helper.make_node("MatMul", ["x", "transposed"], ["product"], name="product"),
        helper.make_node("Relu", ["product"], ["relu"], name="relu"),
        helper.make_node("Mul", ["relu", "scalar"], ["scaled"], name="scale"),
        helper.make_node("Add", ["scaled", "bias"], ["sum"], name="sum"),
        # An optional argument left out, and attributes of the other types.
        helper.make_node("Clip", ["sum", "", "limit"], ["y"], name="clip"),
        helper.make_node("Softmax", ["y"], ["shares"], name="shares", axis=-1),
        helper.make_node("LeakyRelu", ["shares"], ["leaky"], name="leaky", alpha=0.25),
        helper.make_node("Pad", ["leaky", "pads"], ["z"], name="pad", mode="reflect"),
    ]
    limit = numpy_helper.from_array(numpy.array(100, "<f4"))
    pads = numpy_helper.from_array(numpy.array([0, 1, 0, 0], "<i8"))
    nodes[6:6] = [helper.make_node("Constant", [], ["limit"], name="limit", value=limit)]
    nodes[-1:-1] = [helper.make_node("Constant", [], ["pads"], name="pads", value=pads)]
    tensors, offset = [], 0
    data = bytearray()
    for name, type, dims, raw in weights():
        tensor = onnx.TensorProto(name=name, data_type=type, dims=dims)
        if external and raw:
            data += bytes(-len(data) % 4096)
            location = [("location", "graph_external.onnx.data"), ("offset", len(data)), ("length", len(raw))]
            for key, value in location:
                tensor.external_data.add(key=key, value=str(value))
            tensor.data_location = onnx.TensorProto.EXTERNAL
            data += raw
        else:
            tensor.raw_data = raw
        tensors.append(tensor)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", n]) for name, n in (("y", 2), ("z", 3))],
        tensors,
        value_info=[helper.make_tensor_value_info("product", TensorProto.FLOAT, ["batch", 2])],
        doc_string="what it computes",
    )
    built = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="swift-pretrained",
        producer_version="1.2",
        doc_string="what it is",
    )
    helper.set_model_props(built, {"architecture": "none", "é": "ü"})
    return built, bytes(data)


def run(path):
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # some weights have no use
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = numpy.array([[1, 2, 3], [-1, 0, 1]], numpy.float32)
    weight = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    expected = numpy.maximum(x @ weight.T, 0) * 0.5 + numpy.array([-1, 7], numpy.float32)
    y, z = session.run(None, {"x": x})
    assert (y == expected).all() and z.shape == (2, 3), (y, expected, z)


def main():
    folder = sys.argv[1]
    for name, external in (("graph.onnx", False), ("graph_external.onnx", True)):
        built, data = model(external)
        with tempfile.TemporaryDirectory() as work:
            for place in (work, folder):
                with open(os.path.join(place, name), "wb") as file:
                    file.write(built.SerializeToString(deterministic=True))
            if external:
                with open(os.path.join(work, name + ".data"), "wb") as file:
                    file.write(data)
            run(os.path.join(work, name))


if __name__ == "__main__":
    main()
