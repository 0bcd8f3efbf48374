#!/usr/bin/env python3
"""GGUF files of gguf-py, for reading, for byte comparison, and for the bits of its block codes.

    python3 Tools/oracle/foreign_gguf.py [OUTPUT_FOLDER]          (default Fixtures/gguf)

Made with gguf 0.19.0 and numpy 2.4.6.

  values.gguf       every type of value and of array, text in several scripts, an alignment of 64; tensors of every plain
                    type, a scalar, and one without elements
  left_out.gguf     a Q4_K tensor, which is not decoded here, between two others
  big_endian.gguf   the same plain tensors and values, big-endian
  quantised.gguf    `rows`, F32: ordinary, constant, zero, tiny, huge, tied and half-way rows; `rows.TYPE`: what
                    gguf.quants.quantize makes of them; `rows.TYPE.decoded`: what gguf.quants.dequantize makes of that
  bert.gguf         a tiny BertForSequenceClassification with the keys, names and types of llama.cpp's converter
                    (conversion/bert.py), F16; plus the pooler as `cls`
  bert.json         the config.json, the vocabulary and the Hugging Face names and shapes it was made from
"""

import json
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q
from gguf import GGUFEndian, GGUFValueType, GGUFWriter, quants

OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "Fixtures/gguf"
CODES = [Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1]
TEXTS = ["", "plain", "é e\u0301", "日本語", "😀", "a longer text that does not fit into a machine word or two", "nul\0inside"]


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_values(writer):
    writer.add_uint8("v.u8", 255)
    writer.add_int8("v.i8", -128)
    writer.add_uint16("v.u16", 65535)
    writer.add_int16("v.i16", -32768)
    writer.add_uint32("v.u32", 4294967295)
    writer.add_int32("v.i32", -2147483648)
    writer.add_float32("v.f32", 1e-12)
    writer.add_bool("v.true", True)
    writer.add_bool("v.false", False)
    writer.add_string("v.string", "é 日本語 😀")
    writer.add_uint64("v.u64", 2**64 - 1)
    writer.add_int64("v.i64", -(2**63))
    writer.add_float64("v.f64", 0.1)
    arrays = {
        "u8": [0, 255], "i8": [-128, 127], "u16": [0, 65535], "i16": [-32768, 32767], "u32": [0, 2**32 - 1],
        "i32": [-(2**31), 2**31 - 1], "f32": [0.5, -0.0, float("inf")], "bool": [True, False, True], "string": TEXTS,
        "u64": [0, 2**64 - 1], "i64": [-(2**63), 2**63 - 1], "f64": [0.1, -1e300],
    }  # fmt: skip
    names = {"f32": "FLOAT32", "f64": "FLOAT64", "bool": "BOOL", "string": "STRING"}
    for name, items in arrays.items():
        kind = names.get(name) or name.replace("u", "UINT").replace("i", "INT", 1 if name[0] == "i" else 0)
        writer.add_key_value("a." + name, items, GGUFValueType.ARRAY, sub_type=GGUFValueType[kind])


def add_plain_tensors(writer, generator):
    for dtype in (np.float32, np.float16, np.float64, np.int8, np.int16, np.int32, np.int64):
        data = (generator.standard_normal((3, 5)) * 100).astype(dtype)
        writer.add_tensor(f"plain.{np.dtype(dtype).name}", data)
    writer.add_tensor("scalar", np.array(42.5, np.float32))
    writer.add_tensor("four.dimensions", np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5))
    writer.add_tensor("empty", np.zeros((0, 7), np.float32))


def values():
    generator = np.random.default_rng(1)
    writer = GGUFWriter(OUT / "values.gguf", "test")
    writer.add_custom_alignment(64)
    add_values(writer)
    add_plain_tensors(writer, generator)
    data = generator.standard_normal((4, 6)).astype(np.float32)
    bfloat = quants.quantize(data, Q.BF16)
    writer.add_tensor("plain.bfloat16", bfloat, raw_dtype=Q.BF16)
    finish(writer)

    writer = GGUFWriter(OUT / "left_out.gguf", "test")
    writer.add_quantization_version(2)
    writer.add_tensor("before", np.float32([1, 2, 3]))
    writer.add_tensor("block.q4_k", generator.integers(0, 256, (2, 144)).astype(np.uint8), raw_dtype=Q.Q4_K)
    writer.add_tensor("after", np.float32([4, 5, 6]))
    finish(writer)

    writer = GGUFWriter(OUT / "big_endian.gguf", "test", endianess=GGUFEndian.BIG)
    add_values(writer)
    add_plain_tensors(writer, np.random.default_rng(1))
    finish(writer)


def rows():
    generator = np.random.default_rng(2)
    width = 32
    ramp = np.arange(width, dtype=np.float32)
    normal = generator.standard_normal((6, width)).astype(np.float32)
    rows = [*normal, *(normal[:4] * np.float32([[1e-3], [0.02], [30], [3000]]))]
    rows += [np.full(width, value, np.float32) for value in (0.0, -0.0, 1.0, -1.0, 0.1, -7.25e-4, 65504, -1e5)]
    rows += [np.where(ramp % 2 == 0, 1, -1), np.where(ramp % 2 == 0, -2.5, 2.5)]  # which of equals comes first
    rows += [ramp - 32, 31.5 - ramp, (ramp - 32) / 2, (ramp - 32) / 127 * 63.5, (ramp + 0.5) / 8]  # half-way
    rows += [np.where(ramp % 32 == 7, -3.75, 0), np.where(ramp % 32 == 31, 1e-30, 0)]
    rows += [normal[0] * np.float32(scale) for scale in (1e-45, 1e-42, 1e-40, 1e-39, 1e-38, 1e-20, 1e-7, 1e-6, 1e-5)]
    rows += [normal[1] * np.float32(scale) for scale in (1e5, 1e7, 1e20, 1e37, 1e38)]
    rows += [generator.uniform(0.5, 1.5, width), generator.uniform(-1.5, -0.5, width), generator.laplace(size=width)]
    rows += [generator.standard_cauchy(width)]
    data = np.stack(rows).astype(np.float32)
    assert np.isfinite(data).all()
    writer = GGUFWriter(OUT / "quantised.gguf", "test")
    writer.add_quantization_version(2)
    writer.add_tensor("rows", data)
    with np.errstate(all="ignore"):
        for code in CODES:
            encoded = quants.quantize(data, code)
            writer.add_tensor(f"rows.{code.name}", encoded, raw_dtype=code)
            writer.add_tensor(f"rows.{code.name}.decoded", quants.dequantize(encoded, code))
        writer.add_tensor("rows.F16", quants.quantize(data, Q.F16), raw_dtype=Q.F16)
        writer.add_tensor("rows.BF16", quants.quantize(data, Q.BF16), raw_dtype=Q.BF16)
    finish(writer)


def bert():
    generator = np.random.default_rng(3)
    size, inner, heads, layers, positions = 32, 32, 2, 2, 16
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "the", "flower", "##s", "##ing", "é", "日", "5", ".", "##"]
    labels = ["setosa", "versicolor", "virginica"]
    config = {
        "architectures": ["BertForSequenceClassification"], "hidden_act": "gelu", "hidden_size": size,
        "id2label": {str(index): label for index, label in enumerate(labels)}, "intermediate_size": inner,
        "layer_norm_eps": 1e-12, "max_position_embeddings": positions, "model_type": "bert", "num_attention_heads": heads,
        "num_hidden_layers": layers, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": len(vocabulary) + 1,
    }  # fmt: skip
    shapes = {
        "bert.embeddings.word_embeddings.weight": (len(vocabulary) + 1, size),
        "bert.embeddings.position_embeddings.weight": (positions, size),
        "bert.embeddings.token_type_embeddings.weight": (2, size),
        "bert.embeddings.LayerNorm.weight": (size,), "bert.embeddings.LayerNorm.bias": (size,),
    }  # fmt: skip
    for layer in range(layers):
        prefix = f"bert.encoder.layer.{layer}."
        for name, (out, into) in {
            "attention.self.query": (size, size), "attention.self.key": (size, size), "attention.self.value": (size, size),
            "attention.output.dense": (size, size), "attention.output.LayerNorm": (size, None),
            "intermediate.dense": (inner, size), "output.dense": (size, inner), "output.LayerNorm": (size, None),
        }.items():  # fmt: skip
            shapes[prefix + name + ".weight"] = (out, into) if into else (out,)
            shapes[prefix + name + ".bias"] = (out,)
    shapes |= {"bert.pooler.dense.weight": (size, size), "bert.pooler.dense.bias": (size,)}
    shapes |= {"classifier.weight": (len(labels), size), "classifier.bias": (len(labels),)}

    # As conversion/bert.py and conversion/base.py of llama.cpp write it.
    tensors = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    types = {}
    writer = GGUFWriter(OUT / "bert.gguf", "bert")
    for name, shape in shapes.items():
        bare = name.removeprefix("bert.").replace("classifier.", "classifier.out_proj.").replace("pooler.dense", "classifier.dense")
        new = tensors.get_name(bare, try_suffixes=(".weight", ".bias"))
        data = (generator.standard_normal(shape) * 0.1).astype(np.float32)
        keeps = len(shape) < 2 or new in ("position_embd.weight", "token_types.weight")
        types[name] = (new, "F32" if keeps else "F16")
        writer.add_tensor(new, data if keeps else data.astype(np.float16))
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("Tiny")
    writer.add_block_count(layers)
    writer.add_context_length(positions)
    writer.add_embedding_length(size)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_layer_norm_eps(1e-12)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.CLS)
    writer.add_classifier_output_labels(labels)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_token_type_count(2)
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    kinds = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in vocabulary]
    # An id beyond the vocabulary is made up by the converter.
    tokens, kinds = [*vocabulary, f"[PAD{len(vocabulary)}]"], [*kinds, gguf.TokenType.UNUSED]

    def phantom(token, kind):
        if kind == gguf.TokenType.CONTROL:
            return token
        return token[2:] if token.startswith("##") else "\u2581" + token

    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("jina-v2-en")
    writer.add_token_list([phantom(*pair) for pair in zip(tokens, kinds)])
    writer.add_token_types(kinds)
    # The order of gguf.SpecialVocab; [CLS] and [SEP] stand in for the missing bos and eos, from tokenizer_config.json.
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_unk_token_id(1)
    writer.add_sep_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_mask_token_id(4)
    for kind in ("bos", "eos", "sep"):
        getattr(writer, f"add_add_{kind}_token")(kind != "sep")
    finish(writer)
    document = {"config": config, "vocabulary": vocabulary, "tensors": [[name, list(shapes[name]), *types[name]] for name in shapes]}
    (OUT / "bert.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


OUT.mkdir(parents=True, exist_ok=True)
values()
rows()
bert()
