import CKernels
import Measuring
import Tensors

// kernels-bench [--only gemm,forms,elementwise,files] [--sets avx512,avx2] [--rows 14,112] [--weights 768x768] [--threads 2]
//   [--model FOLDER] [--json 1] [--warm-up 2] [--seconds 0.05] [--least 5] [--most 1000]
//
// Times kernels alone and prints a table: products of matrices in the shapes of bert-base on --threads threads, the other
// kernels for each instruction set that the processor runs, and, with --model, what reads a model's files. --json 1 prints
// one JSON object instead, of the fastest set alone.

let options = Options(
  Budget.defaults(least: 5, most: 1000, seconds: 0.05).merging([
    "only": "gemm,forms,elementwise,files", "sets": "", "rows": "14,112,1024",
    "weights": "768x768,2304x768,3072x768,768x3072", "threads": "2", "model": "", "json": "",
  ]) { $1 })
let budget = Budget(options)
let threads = options.integer("threads")
let printsJSON = !options["json"].isEmpty
let only = options.list("only")

/// A kernel that was timed.
struct Line {
  /// The kernel and its shape.
  var name: String
  /// The instruction set, or the library.
  var set: String
  /// What a call does, in billions of the unit.
  var work: Double
  /// "GF" or "GB".
  var unit: String
  var measurement: Measurement
}

var sets = Kernels.available.map(\.name)
if printsJSON { sets = [Kernels.best.name] }
if !options["sets"].isEmpty { sets = options.list("sets") }

var lines: [Line] = []
for set in sets {
  guard Kernels.named(set) != nil else { Options.fail("this processor does not run the set '\(set)'") }
  if only.contains("gemm") {
    lines += try products(
      Compute(threads: threads, instructionSet: set, products: printsJSON ? nil : .kernels), set)
  }
  if only.contains("forms") && !printsJSON {
    lines += try forms(Compute(threads: threads, instructionSet: set), set)
  }
  if only.contains("elementwise") && !printsJSON {
    lines += try elementwise(Compute(threads: threads, instructionSet: set), set)
  }
}
if only.contains("gemm") && !printsJSON {
  lines += try products(Compute(threads: threads, products: .blas), String(cString: blas_description()))
}
if only.contains("files") && !options["model"].isEmpty {
  lines += try files(options["model"])
}

if printsJSON {
  printResults(lines.map { ($0.name, $0.measurement) })
} else {
  let header = ["kernel", "set", "time", "rate"]
  let cells =
    [header]
    + lines.map { line in
      [
        line.name, line.set, "\(rounded(line.measurement.median * 1e6)) µs",
        "\(rounded(line.work / line.measurement.median)) \(line.unit)/s",
      ]
    }
  let widths = header.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
  for row in cells {
    let padded = zip(row, widths).enumerated().map { column, cell in
      let space = String(repeating: " ", count: cell.1 - cell.0.count)
      return column < 2 ? cell.0 + space : space + cell.0
    }
    print(padded.joined(separator: "  "))
  }
}

/// Three digits or more.
func rounded(_ value: Double) -> String {
  value >= 100 ? "\(Int(value.rounded()))" : "\((value * 100).rounded() / 100)"
}
