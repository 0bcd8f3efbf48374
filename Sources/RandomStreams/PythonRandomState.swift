/// The states of Python's `random` and of NumPy's global generator after `set_seed(seed)`.
///
/// A training run draws from neither, but saves and restores both. Both are Mersenne Twisters of 624 words and the index
/// of the next; 624 when all of them are used up, as right after seeding.
public enum PythonRandomState {
  /// The words after `random.seed(seed)`.
  ///
  /// Source: `random_seed` and `init_by_array` in CPython's `Modules/_randommodule.c`.
  public static func words(seed: UInt64) -> [UInt32] {
    let key = seed >> 32 == 0 ? [UInt32(seed)] : [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)]
    var words = numPyWords(seed: 19_650_218)
    let count = words.count
    func mixed(_ i: Int) -> UInt32 { words[i - 1] ^ (words[i - 1] >> 30) }
    var (i, j) = (1, 0)
    func advance() {
      i += 1
      if i == count {
        words[0] = words[count - 1]
        i = 1
      }
    }
    for _ in 0..<count {
      words[i] = (words[i] ^ (mixed(i) &* 1_664_525)) &+ key[j] &+ UInt32(j)
      advance()
      j = (j + 1) % key.count
    }
    for _ in 1..<count {
      words[i] = (words[i] ^ (mixed(i) &* 1_566_083_941)) &- UInt32(i)
      advance()
    }
    words[0] = 0x8000_0000
    return words
  }

  /// The words after `numpy.random.seed(seed)`, which takes seeds below 2³²; of others the low half counts.
  ///
  /// Source: `_legacy_seeding` in NumPy's `_mt19937.pyx`.
  public static func numPyWords(seed: UInt64) -> [UInt32] { TorchGenerator(seed: seed).words }

  /// How many words a state has.
  public static let wordCount = TorchGenerator.wordCount
}
