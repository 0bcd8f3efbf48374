import ArgumentParser
import Pretrained

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Parses, runs, and turns what went wrong into one line and an exit code.
@main
enum Main {
  static func main() {
    do {
      var command = try Ckpt.parseAsRoot()
      try command.run()
      end(.success)
    } catch let code as ExitCode {
      end(code)  // a code of our own; what there is to say has been said
    } catch  where Ckpt.exitCode(for: error) != .failure {
      // Help, or wrong usage.
      let code = Ckpt.exitCode(for: error)
      let text = Ckpt.fullMessage(for: error)
      if code == .success { try? Terminal.print(text) } else { Terminal.complain(text) }
      end(code)
    } catch {
      Terminal.complain("error: \(InputError.explained(error))")
      end(.couldNotBeDone)
    }
  }

  /// Ends the process without the destructors of libraries: OpenBLAS waits in its own for threads that it started
  /// moments before, and now and then for ever (seen with version 0.3.21, in a process that had computed nothing).
  private static func end(_ code: ExitCode) -> Never {
    fflush(nil)
    _exit(code.rawValue)
  }
}

extension ExitCode {
  /// Bad input or a failed read or write; 0 is done, 1 the answer no, 64 wrong usage.
  static let couldNotBeDone = ExitCode(2)
}

struct Ckpt: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ckpt",
    abstract: "Opens, checks, compares and converts checkpoints; fine-tunes BERT and uses it.",
    discussion: """
      MODEL is a folder in the Hugging Face layout; a file of weights, whether safetensors, PyTorch, NumPy or GGUF, or \
      the index of several; a TensorFlow 1 checkpoint, also in Google's zip archives; or the name of a repository in \
      the Hugging Face cache, such as sentence-transformers/all-MiniLM-L6-v2\(hubText).

      Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 the answer is no, \
      2 could not be done, 64 wrong usage.
      """,
    subcommands: [
      Inspect.self, Verify.self, Diff.self, Convert.self, Hash.self, Edit.self, Tokenize.self, Finetune.self,
      Evaluate.self, Predict.self, Embed.self,
      FillMaskCommand.self, ReportCommand.self,
    ] + hubCommands + serving)

  #if Hub
    private static let hubCommands: [any ParsableCommand.Type] = [Pull.self, Push.self, Cache.self]
    private static let hubText = ", which is pulled from the hub when it is not there"
  #else
    private static let hubCommands: [any ParsableCommand.Type] = []
    private static let hubText = ""
  #endif

  #if Serving
    private static let serving: [any ParsableCommand.Type] = [Serve.self]
  #else
    private static let serving: [any ParsableCommand.Type] = []
  #endif

  @Flag(help: "Print the version, what it computes with, and whether that computes rightly.")
  var version = false

  func run() throws {
    guard version else { throw CleanExit.helpRequest(self) }
    try Version.print()
  }
}
