import Pretrained

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

// training-step-bench [--steps 20] [--batch 8] [--tokens 14] [--threads 2]
//
// Trains a randomly initialised classifier of BERT-base shape and prints one JSON object: seconds of each step, the
// peak of resident memory, and the page faults a step takes once the first three are over.

var options = ["--steps": 20, "--batch": 8, "--tokens": 14, "--threads": 2]
var arguments = CommandLine.arguments.dropFirst()[...]
while let name = arguments.popFirst() {
  guard options[name] != nil, let value = arguments.popFirst().flatMap({ Int($0) }) else {
    print("usage: training-step-bench [--steps N] [--batch N] [--tokens N] [--threads N]")
    exit(64)
  }
  options[name] = value
}
let (steps, batch) = (options["--steps", default: 20], options["--batch", default: 8])
let tokens = options["--tokens", default: 14]
let warmUp = 3

/// What the process has used so far.
func usage() -> rusage {
  var usage = rusage()
  #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  #else
    getrusage(RUSAGE_SELF, &usage)
  #endif
  return usage
}

func peakBytes() -> Int {
  #if canImport(Darwin)
    usage().ru_maxrss
  #else
    usage().ru_maxrss * 1024
  #endif
}

let labels = ["a", "b", "c"]
var configuration = BERTConfiguration()
configuration.labels = labels
let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
let words = (0..<configuration.vocabSize - special.count).map { "w\($0)" }
let tokenizer = try WordPieceTokenizer(vocabulary: Vocabulary(tokens: special + words))
let rowCount = batch * (steps + warmUp)
let data = TextDataset(
  texts: (0..<rowCount).map { _ in
    (0..<tokens - 2).map { _ in words[Int.random(in: words.indices)] }.joined(separator: " ")
  },
  labels: (0..<rowCount).map { $0 % labels.count }, labelNames: labels)
let (model, _) = try BERTForSequenceClassification.load(
  from: RandomWeights(configuration), configuration: configuration, threads: options["--threads"])

var training = TrainingArguments()
training.maxSteps = steps + warmUp
training.batchSize = batch
training.learningRate = 2e-5
training.weightDecay = 0.01
training.saveStrategy = .never
let trainer = try Trainer(model, tokenizer: tokenizer, arguments: training, truncation: .none)

let clock = ContinuousClock()
var seconds: [Double] = []
var (last, faults, faultsAtStart) = (clock.now, 0, 0)
_ = try trainer.train(on: data) { event in
  if case .began = event { last = clock.now }
  guard case .step(let record) = event else { return .continue }
  let now = clock.now
  if record.step > warmUp { seconds.append((now - last) / .seconds(1)) }
  if record.step == warmUp { faultsAtStart = usage().ru_minflt }
  faults = usage().ru_minflt
  last = clock.now
  return .continue
}
let faultsAStep = Double(faults - faultsAtStart) / Double(steps)
print(
  #"{"step_seconds":\#(seconds),"peak_rss_bytes":\#(peakBytes()),"minor_faults_per_step":\#(faultsAStep)}"#)
