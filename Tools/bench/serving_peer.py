#!/usr/bin/env python3
"""The Python server that serving times: POST /embed, as text-embeddings-inference answers it.

    serving_peer.py MODEL.onnx TOKENIZER_FOLDER PORT [--batches]

One process, one session of onnxruntime with a thread for each core. Without --batches a request is computed in a
thread of FastAPI's pool as it comes; with it, one worker computes whatever waits, by the same budget
of padded tokens as `ckpt serve`, texts of like lengths together.
"""

import argparse
import asyncio
import os

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.responses import JSONResponse
from transformers import AutoTokenizer

BATCH_TOKENS, BATCH_TEXTS = 4096, 64


class Embedder:
    """Mean of the last hidden states over a text's tokens, at length 1."""

    def __init__(self, path, tokenizer):
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = os.cpu_count()
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.names = {i.name for i in self.session.get_inputs()}
        self.output = self.session.get_outputs()[0].name

    def __call__(self, texts):
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="np")
        (hidden,) = self.session.run([self.output], {k: v for k, v in batch.items() if k in self.names})
        mask = batch["attention_mask"][..., None].astype(np.float32)
        means = (hidden * mask).sum(1) / mask.sum(1)
        return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)


class Batches:
    """Computes whatever waits, in one thread, the longest texts together."""

    def __init__(self, embedder):
        self.embedder, self.queue = embedder, asyncio.Queue()

    async def __call__(self, text):
        future = asyncio.get_running_loop().create_future()
        await self.queue.put((text, future))
        return await future

    async def work(self):
        while True:
            waiting = [await self.queue.get()]
            while not self.queue.empty():
                waiting.append(self.queue.get_nowait())
            waiting.sort(key=lambda item: -len(item[0]))
            while waiting:
                # A token has about four letters, which is near enough for a budget.
                longest = len(waiting[0][0])
                count = max(1, min(BATCH_TEXTS, BATCH_TOKENS * 4 // max(1, longest)))
                like = sum(longest - len(text) <= max(64, len(text) // 4) for text, _ in waiting[:count])
                count = max(1, like)
                batch, waiting = waiting[:count], waiting[count:]
                rows = await asyncio.to_thread(self.embedder, [text for text, _ in batch])
                for (_, future), row in zip(batch, rows):
                    if not future.done():
                        future.set_result(row)


class Request(BaseModel):
    inputs: str


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("tokenizer")
    parser.add_argument("port", type=int)
    parser.add_argument("--batches", action="store_true")
    options = parser.parse_args()
    embedder = Embedder(options.model, options.tokenizer)
    app = FastAPI()
    if options.batches:
        batches, tasks = Batches(embedder), []

        @app.post("/embed")
        async def embed(request: Request):
            if not tasks:
                tasks.append(asyncio.create_task(batches.work()))
            return JSONResponse([(await batches(request.inputs)).tolist()])

    else:

        @app.post("/embed")
        def embed(request: Request):
            return JSONResponse(embedder([request.inputs]).tolist())

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
