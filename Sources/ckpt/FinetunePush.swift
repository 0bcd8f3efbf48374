import ArgumentParser
import Pretrained

#if Hub
  import Hub

  /// Whether and where the finished model goes.
  struct FinetunePushOptions: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Push the finished model to the hub; account and card are checked before the run begins.",
        valueName: "org/name"))
    var pushTo: String?

    @OptionGroup var how: PushArguments
  }

  /// The push at the end of a run, whose faults are found before its beginning.
  struct FinetunePush {
    private let run: PushRun
    private let name: String
    private let folder: String

    /// Asks the hub whether it will take the model.
    ///
    /// - Parameters:
    ///   - options: those of the run.
    ///   - card: as it will be, as far as that is known.
    /// - Returns: nil when nothing is to be pushed.
    /// - Throws: `HubError`, which says what to put right.
    init?(_ options: Finetune, card: @autoclosure () -> ModelCard) throws {
      guard let name = options.publishing.pushTo else { return nil }
      (self.name, folder) = (name, options.out)
      run = try PushRun(to: name, options.publishing.how.value(message: "Fine-tuned with swift-pretrained"))
      let check = try run.check(card: card().text)
      let place = check.exists ? "" : ", to be created"
      Terminal.complain(
        "  push     to \(check.reference)\(place), as \(check.account.name) "
          + "(token from \(check.account.tokenSource), role \(check.account.role))")
      for warning in check.warnings { Terminal.complain("warning: the card: \(warning)") }
    }

    /// Sends the model.
    ///
    /// - Throws: ``FinetunePushError``: the model itself is safe, and how to push it is said.
    func push() throws {
      do {
        let plan = try run.plan(folder)
        let outcome = try PushReport(plan).outcome(run.push(plan))
        Terminal.complain(outcome)
      } catch { throw FinetunePushError(folder: folder, name: name, cause: error) }
    }
  }

  /// A push that failed after the training was done.
  struct FinetunePushError: Error, CustomStringConvertible {
    let folder: String
    let name: String
    let cause: any Error

    var description: String {
      "\(cause)\nThe model is whole, in \(folder). Push it with:\n  ckpt push \(shellQuoted(folder)) \(shellQuoted(name))"
    }
  }
#else
  /// The package was built without the trait `Hub`.
  struct FinetunePushOptions: ParsableArguments {}

  struct FinetunePush {
    init?(_ options: Finetune, card: @autoclosure () -> ModelCard) throws { return nil }

    func push() throws {}
  }
#endif
