#!/usr/bin/env python3
"""Checkpoints written by TensorFlow itself, and a writer of checkpoints as google-research/bert leaves them.

    python3 Tools/oracle/foreign_tensorflow.py fixtures [OUTPUT_FOLDER]     (default Fixtures/tensorbundle)
    python3 Tools/oracle/foreign_tensorflow.py check PREFIX EXPECTED.json   what TensorFlow reads must be as expected
    python3 Tools/oracle/foreign_tensorflow.py same PREFIX PREFIX           the same tensors, as TensorFlow reads them
    python3 Tools/oracle/foreign_tensorflow.py bert HF_FOLDER OUTPUT.zip    a BERT folder as Google's zip, with Adam's slots

Made with tensorflow-cpu 2.21.0 (a Python environment of its own: it pins its own NumPy) and cramjam 2.14.0; `bert` needs
safetensors besides, and TensorFlow's graph mode only.

  types.*              every element type that has a counterpart here, in the order of the names; a scalar and empty tensors
  leftout.*            a float among tensors of the types that have none
  saver/               tf.compat.v1.train.Saver, with its `checkpoint` file and a second, older checkpoint beside it
  sharded.*            two shards, written one by one and merged, as `Saver(sharded=True)` does
  partitioned.*        a variable saved as two slices
  objects.*            tf.train.Checkpoint, that is TensorFlow 2
  google.zip           Fixtures/command/masked-lm as Google would have published it, without the graph
  expected.json        what TensorFlow reads back: bundle -> name -> element type, shape and the bytes in hexadecimal
  snappy.json          texts and what snappy makes of them, in hexadecimal
"""

import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
# TensorFlow's names, and the names of safetensors.
TYPES = {
    "bfloat16": "BF16", "bool": "BOOL", "complex64": "C64", "float16": "F16", "float32": "F32", "float64": "F64",
    "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2", "int16": "I16", "int32": "I32", "int64": "I64", "int8": "I8",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "uint8": "U8",
}  # fmt: skip


def save(prefix, tensors, slices=None):
    """TensorFlow's BundleWriter, by way of the operation that every saver ends in."""
    import tensorflow as tf

    names = list(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix), tensor_names=names, shape_and_slices=slices or [""] * len(names),
        tensors=[tensors[name] for name in names])  # fmt: skip


def read(prefix):
    """What TensorFlow reads: name -> [element type, shape, hexadecimal bytes], for the types that we have."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(prefix))
    types = reader.get_variable_to_dtype_map()
    found = {}
    for name in sorted(types):
        if types[name].name in TYPES:
            # Not reader.get_tensor: it has no float8.
            array = tf.raw_ops.RestoreV2(
                prefix=str(prefix), tensor_names=[name], shape_and_slices=[""], dtypes=[types[name]])[0].numpy()
            found[name] = [TYPES[types[name].name], list(array.shape), np.ascontiguousarray(array).tobytes().hex()]
    return found


def fixtures(out):
    import cramjam
    import tensorflow as tf

    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)

    def some(name, shape):
        dtype = tf.as_dtype(name).as_numpy_dtype
        if name == "bool":
            return tf.constant(rng.integers(0, 2, shape).astype(bool))
        if name == "complex64":
            return tf.constant((rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype))
        if "int" in name:
            size = np.dtype(dtype).itemsize
            return tf.constant(np.frombuffer(rng.bytes(int(np.prod(shape)) * size), dtype).reshape(shape))
        return tf.constant(rng.normal(size=shape).astype(np.float32).astype(dtype))

    tensors = {f"type/{name}": some(name, (2, 3)) for name in TYPES}
    tensors |= {"scalar": tf.constant(1.5), "empty": tf.zeros((0, 3)), "empty/int64": tf.zeros((2, 0), tf.int64)}
    tensors |= {"é/ü": tf.constant([1, 2], tf.int32), "é": tf.constant([3], tf.int32)}
    save(out / "types", dict(sorted(tensors.items(), key=lambda item: item[0].encode())))

    leftout = {
        "complex128": tf.constant(np.array([1 + 2j, 3])),
        "float": tf.constant([1.0, 2.0]),
        "qint8": tf.bitcast(tf.constant([1, 2, 3], tf.int8), tf.qint8),
        "string": tf.constant(["a", "", "word pieces"]),
        "zuletzt": tf.constant([3.0]),
    }
    save(out / "leftout", leftout)

    save(out / "half0", {"first/a": some("float32", (4,)), "first/b": some("float32", (2, 2))})
    save(out / "half1", {"second/a": some("int32", (3,)), "a": some("float16", (5,))})
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(out / "half0"), str(out / "half1")], destination_prefix=str(out / "sharded"))  # fmt: skip

    full = np.arange(12, dtype=np.float32).reshape(4, 3)
    tf.raw_ops.SaveV2(
        prefix=str(out / "partitioned"), tensor_names=["whole", "word", "word"],
        shape_and_slices=["", "4 3 0,2:-", "4 3 2,2:-"],
        tensors=[tf.constant([1.0]), tf.constant(full[:2]), tf.constant(full[2:])])  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = tf.train.Checkpoint(step=tf.Variable(3, dtype=tf.int64), kernel=tf.Variable(tf.ones((2, 2))))
        checkpoint.write(folder + "/objects")
        for file in pathlib.Path(folder).glob("objects*"):
            shutil.copy(file, out / file.name)

    (out / "saver").mkdir(exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        v1 = tf.compat.v1
        initial = rng.normal(size=(5, 4)).astype(np.float32)
        v1.get_variable("bert/embeddings/word_embeddings", initializer=initial, use_resource=False)
        v1.get_variable("bert/embeddings/LayerNorm/gamma", initializer=initial[0], use_resource=False)
        v1.get_variable("bert/embeddings/LayerNorm/beta", initializer=initial[1], use_resource=False)
        v1.get_variable("bert/pooler/dense/kernel", initializer=initial[:4], use_resource=True)
        v1.train.get_or_create_global_step()
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver()
        with tempfile.TemporaryDirectory() as folder:
            for step in [0, 1]:
                session.run(v1.assign(v1.train.get_global_step(), step))
                saver.save(session, folder + "/model.ckpt", global_step=step, write_meta_graph=False)
            for file in pathlib.Path(folder).iterdir():
                shutil.copy(file, out / "saver" / file.name)
            # The saver names its files in full when they lie outside the folder it is started in.
            text = (out / "saver/checkpoint").read_text()
            (out / "saver/checkpoint").write_text(text.replace(folder, "/somewhere/else"))

    bundles = ["types", "leftout", "sharded", "objects", "saver/model.ckpt-1"]
    (out / "expected.json").write_text(json.dumps({name: read(out / name) for name in bundles}, indent=0) + "\n")

    bert_zip(ROOT / "Fixtures/command/masked-lm", out / "google.zip", meta=False)

    random.seed(3)
    texts = [
        b"", b"a", b"abcd" * 20, bytes(70_000), bytes(random.randrange(256) for _ in range(300)),
        b"".join(b"bert/encoder/layer_%d/output/dense/kernel" % n for n in range(40)),
        bytes(random.choice(b"ab") for _ in range(2000)),
    ]  # fmt: skip
    pairs = [{"text": run(text), "block": bytes(cramjam.snappy.compress_raw(text)).hex()} for text in texts]
    (out / "snappy.json").write_text(json.dumps(pairs, indent=0) + "\n")


def run(text):
    """A text as a repeated piece: [piece in hexadecimal, times]."""
    for size in [1, 4]:
        if text and len(text) % size == 0 and text == text[:size] * (len(text) // size):
            return [text[:size].hex(), len(text) // size]
    return [text.hex(), 1]


def check(prefix, expected):
    found = read(prefix)
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    for name in expected:
        assert found[name] == expected[name], (name, found[name], expected[name])
    print(f"{prefix}: {len(found)} tensors as expected")


def google_name(name):
    """The name that google-research/bert gives a parameter of transformers, and whether it is transposed; None for
    parameters that are tied or that TensorFlow does not save."""
    if name in ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias") or name.endswith("position_ids"):
        return None
    if name.split(".")[0] in ("embeddings", "encoder", "pooler"):  # transformers' BertModel; Google's has no other scope
        name = "bert." + name
    heads = {
        "cls.predictions.bias": "cls/predictions/output_bias",
        "cls.seq_relationship.weight": "cls/seq_relationship/output_weights",
        "cls.seq_relationship.bias": "cls/seq_relationship/output_bias",
        "classifier.weight": "output_weights", "classifier.bias": "output_bias",
        "qa_outputs.weight": "cls/squad/output_weights", "qa_outputs.bias": "cls/squad/output_bias",
    }  # fmt: skip
    if name in heads:
        return heads[name], False
    parts = name.replace("layer.", "layer_").split(".")
    last = parts.pop()
    if parts[-1] == "LayerNorm":
        return "/".join(parts + [{"weight": "gamma", "bias": "beta", "gamma": "gamma", "beta": "beta"}[last]]), False
    if parts[-1].endswith("_embeddings"):
        return "/".join(parts), False
    return "/".join(parts + [{"weight": "kernel", "bias": "bias"}[last]]), last == "weight"


def write_google_bundle(state, prefix, global_step=1000, slots=True, meta=True):
    """Writes a BERT state dict as google-research/bert's trainer leaves it.

    state: name of transformers -> NumPy array. Kernels are transposed; unless `slots` is false every variable gets its
    `adam_m` and `adam_v` (optimization.py's AdamWeightDecayOptimizer), and `global_step` is an int64 scalar. `meta`: the
    graph too, which no reader of weights needs.
    Returns the arrays by TensorFlow's names, without the slots.
    """
    import tensorflow as tf

    v1 = tf.compat.v1
    variables = {}
    for name, array in state.items():
        if (found := google_name(name)) is not None:
            variables[found[0]] = np.ascontiguousarray(array.T if found[1] else array)
    rng = np.random.default_rng(11)
    with tf.Graph().as_default(), v1.Session() as session:
        for name, array in variables.items():
            v1.get_variable(name, initializer=array, use_resource=False)
            if slots:
                for slot, scale in [("adam_m", 1e-3), ("adam_v", 1e-6)]:
                    value = (np.abs(rng.normal(size=array.shape)) * scale).astype(np.float32)
                    v1.get_variable(f"{name}/{slot}", initializer=value, use_resource=False, trainable=False)
        step = v1.train.get_or_create_global_step()
        session.run(v1.global_variables_initializer())
        session.run(v1.assign(step, global_step))
        v1.train.Saver().save(session, str(prefix), write_state=False, write_meta_graph=meta)
    return variables


def bert_zip(hf_folder, path, slots=False, meta=True):
    """Packs a folder of transformers (config.json, model.safetensors, vocab.txt) as Google's zip: deflated, everything
    in one folder named after the zip, `bert_config.json` without the keys that Google's has not."""
    from safetensors.numpy import load_file

    hf_folder, path = pathlib.Path(hf_folder), pathlib.Path(path)
    config = json.loads((hf_folder / "config.json").read_text())
    keys = [
        "attention_probs_dropout_prob", "hidden_act", "hidden_dropout_prob", "hidden_size", "initializer_range",
        "intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "type_vocab_size",
        "vocab_size",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        state = load_file(hf_folder / "model.safetensors")
        write_google_bundle(state, folder / "bert_model.ckpt", slots=slots, meta=meta)
        (folder / "bert_config.json").write_text(json.dumps({key: config[key] for key in keys}, indent=2) + "\n")
        if (hf_folder / "vocab.txt").exists():
            shutil.copy(hf_folder / "vocab.txt", folder / "vocab.txt")
        elif (hf_folder / "tokenizer.json").exists():
            vocabulary = json.loads((hf_folder / "tokenizer.json").read_text())["model"]["vocab"]
            (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in sorted(vocabulary, key=vocabulary.get)))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, mode in [("", 0o40755)] + [(file.name, 0o100644) for file in sorted(folder.iterdir())]:
                info = zipfile.ZipInfo(f"{path.stem}/{name}", (2018, 10, 18, 0, 0, 0))
                info.external_attr = mode << 16
                info.compress_type = zipfile.ZIP_DEFLATED if name else zipfile.ZIP_STORED
                archive.writestr(info, (folder / name).read_bytes() if name else b"")


def main():
    verb = sys.argv[1]
    if verb == "fixtures":
        fixtures(pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "Fixtures/tensorbundle")
    elif verb == "check":
        check(sys.argv[2], json.loads(pathlib.Path(sys.argv[3]).read_text()))
    elif verb == "same":
        check(sys.argv[2], read(sys.argv[3]))
    elif verb == "bert":
        bert_zip(sys.argv[2], sys.argv[3], slots=True)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
