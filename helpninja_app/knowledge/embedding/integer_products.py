"""Makes a model whose weights are stored as 8-bit integers compute with them as such.

See docs/adr/0011-integer-products.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import NodeProto, TensorProto, helper


def with_integer_products(model: bytes) -> bytes:
    """``model`` with each product by integer weights done in integers instead of in floats.

    ``x @ (cast(weights) * scale)`` becomes ``MatMulInteger(quantized x, weights) * (scale of x * scale)``,
    where ``DynamicQuantizeLinear`` finds the scale of ``x`` at each call, as ONNX defines these operators.
    The weights are those of the file, not rounded again. Other nodes stay.
    """
    proto = onnx.load_from_string(model)
    constants = {constant.name: constant for constant in proto.graph.initializer}
    makers = {output: node for node in proto.graph.node for output in node.output}
    nodes: list[NodeProto] = []
    quantized: set[str] = set()
    for node in proto.graph.node:
        weights = _integer_weights(node, makers, constants) if node.op_type == "MatMul" else None
        if weights is None:
            nodes.append(node)
            continue
        source = node.input[0]
        if source not in quantized:
            # Several products of one input share its quantization.
            quantized.add(source)
            nodes.append(
                helper.make_node("DynamicQuantizeLinear", [source], _parts_of(source), f"{source}/quantize")
            )
        nodes += _integer_product(node, _parts_of(source), *weights)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return bytes(proto.SerializeToString())


def _integer_weights(
    product: NodeProto, makers: Mapping[str, NodeProto], constants: Mapping[str, TensorProto]
) -> tuple[str, str] | None:
    """The names of the integers and of their scale, if the right side of ``product`` is made of them."""
    scaled = makers.get(product.input[1])
    if scaled is None or scaled.op_type != "Mul" or scaled.input[1] not in constants:
        return None
    cast = makers.get(scaled.input[0])
    if cast is None or cast.op_type != "Cast" or cast.input[0] not in constants:
        return None
    is_integer = constants[cast.input[0]].data_type == TensorProto.INT8
    # The scale may differ by column only: within a column, the products are added before they are scaled.
    is_by_column = list(constants[scaled.input[1]].dims)[:-1] in ([], [1])
    return (cast.input[0], scaled.input[1]) if is_integer and is_by_column else None


def _parts_of(source: str) -> list[str]:
    return [f"{source}/quantized", f"{source}/scale", f"{source}/zero"]


def _integer_product(product: NodeProto, parts: list[str], weights: str, scale: str) -> list[NodeProto]:
    quantized, source_scale, zero = parts
    output = product.output[0]
    whole, real, both = f"{output}/whole", f"{output}/real", f"{output}/scales"
    return [
        helper.make_node("MatMulInteger", [quantized, weights, zero], [whole], f"{output}/product"),
        helper.make_node("Cast", [whole], [real], f"{output}/cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", [source_scale, scale], [both], f"{output}/scale"),
        helper.make_node("Mul", [real, both], [output], f"{output}/rescale"),
    ]
