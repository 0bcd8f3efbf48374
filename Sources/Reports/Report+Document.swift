public import ModelFiles

extension Report {
  /// Everything as one object; `test` has the keys of `ckpt evaluate --json`. Numbers that are none are null.
  public var document: JSONValue { everything.finite }

  private var everything: JSONValue {
    [
      "schema_version": 1, "run": .string(run.name), "verdict": .string(verdict),
      "test": scores?.document ?? .null, "certainty": scores?.certainty ?? .null,
      "training": training, "data": health.document(run.labels),
      "probes": probes?.document(run.labels) ?? .null, "predictions": .array(rows.map(document)),
      "comparison": comparison?.document ?? .null,
      "description": run.isDescribed ? run.description.document : .null, "notes": .strings(notes),
    ]
  }

  private var training: JSONValue {
    [
      "steps": .number(run.globalStep ?? run.steps.last?.number ?? 0),
      "best_step": bestEvaluation.map { .number($0.step) } ?? .null,
      "evaluations": .array(
        run.evaluations.map { evaluation in
          var object: JSONValue = [
            "step": .number(evaluation.step), "epoch": .optional(evaluation.epoch),
            "loss": .optional(evaluation.loss),
          ]
          for metric in evaluation.metrics { object.set(metric.name, .optional(metric.value)) }
          return object
        }),
      "metrics": .object(run.trainMetrics.map { JSONValue.Member($0.name, .optional($0.value)) }),
    ]
  }

  private func document(_ row: Row) -> JSONValue {
    var object: JSONValue = ["row": .number(row.number), "text": .string(row.prediction.text)]
    if let pair = row.prediction.pair { object.set("text_pair", .string(pair)) }
    if let line = row.line { object.set("line", .number(line)) }
    object.set("label", .string(run.labels[row.prediction.label]))
    object.set("predicted", .string(run.labels[row.prediction.predicted]))
    object.set("probabilities", .numbers(row.probabilities))
    if !row.tokens.isEmpty { object.set("tokens", .strings(row.tokens.map(\.text))) }
    return object
  }
}
