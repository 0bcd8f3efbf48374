import RandomStreams
import Testing

@Suite("the states of Python's and NumPy's generators")
struct PythonRandomStateTests {
  /// Words 0, 1, 2, 311 and 623 of `random.getstate()[1]` after `random.seed(seed)`, CPython 3.11.
  @Test(
    "are those of random.seed",
    arguments: [
      (0, [2_147_483_648, 766_982_754, 497_961_170, 652_504_502, 2_902_720_905]),
      (42, [2_147_483_648, 3_564_348_608, 1_266_698_288, 3_918_217_378, 3_831_079_317]),
      (1 << 32 + 7, [2_147_483_648, 221_145_128, 3_478_695_248, 3_750_212_080, 2_763_905_106]),
      (1 << 63 + 11, [2_147_483_648, 989_630_771, 2_778_370_276, 1_923_753_151, 2_131_522_966]),
    ] as [(UInt64, [UInt32])])
  func python(seed: UInt64, words: [UInt32]) {
    let state = PythonRandomState.words(seed: seed)
    #expect(state.count == 624)
    #expect([0, 1, 2, 311, 623].map { state[$0] } == words)
  }

  /// Words 0, 1 and 623 of `numpy.random.get_state()[1]` after `numpy.random.seed(seed)`, NumPy 1.26.4.
  @Test(
    "are those of numpy.random.seed",
    arguments: [(0, [0, 1, 1_796_872_496]), (42, [42, 3_107_752_595, 26_719_530])] as [(UInt64, [UInt32])])
  func numPy(seed: UInt64, words: [UInt32]) {
    let state = PythonRandomState.numPyWords(seed: seed)
    #expect([0, 1, 623].map { state[$0] } == words)
  }
}
