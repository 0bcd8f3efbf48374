// What models answer with, so that `import BERT` is enough to read it.
@_exported public import struct Tensors.Tensor
