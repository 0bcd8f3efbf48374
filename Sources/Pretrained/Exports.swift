// One import gives what a user needs: reading and writing models, the tokenizer, the models, training.
@_exported public import BERT
@_exported public import FineTuning
@_exported public import ModelFiles
@_exported public import enum RandomStreams.RandomDialect
@_exported public import enum Tensors.LinearWeights
@_exported public import enum Tensors.LinearWeightsError
@_exported public import struct Tensors.Tensor
@_exported public import WordPiece
