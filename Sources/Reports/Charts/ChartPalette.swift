/// The colours and lettering of charts and pages.
///
/// The eight series colours keep apart for people who see red and green alike, in the order they are used, and have at
/// least three times the contrast of what they stand on; text has four and a half times.
public enum ChartPalette {
  static let light = """
    --paper:#fff;--wash:#f6f7f9;--ink:#1b1f24;--soft:#57606a;--rule:#dfe3e8;--grid:#eceef1;--accent:#2a66ad;\
    --good:#137a5f;--bad:#b3441a;--warn:#8a5b00;--on:#fff;--c0:#2a66ad;--c1:#b9521a;--c2:#17826a;--c3:#8a4b97;\
    --c4:#96690a;--c5:#2d87ad;--c6:#b03f70;--c7:#5d6772
    """
  static let dark = """
    --paper:#14171b;--wash:#1c2026;--ink:#e7eaee;--soft:#a3acb7;--rule:#333a43;--grid:#262b32;--accent:#84b6f2;\
    --good:#5cc7ab;--bad:#f0935a;--warn:#e0b65a;--on:#101317;--c0:#7db1ee;--c1:#f0935a;--c2:#5ac4a8;--c3:#cb9ad4;\
    --c4:#dcb350;--c5:#7ec8e6;--c6:#ec92b7;--c7:#a7b1bc
    """

  /// The variables, light and dark, for the elements that `selector` names.
  static func css(selector: String) -> String {
    "\(selector){color-scheme:light dark;\(light)}@media screen and (prefers-color-scheme:dark){\(selector){\(dark)}}"
  }

  /// The rules of everything that charts draw.
  static let chartRules: String = {
    var rules = """
      .chart{font:12px ui-sans-serif,system-ui,-apple-system,"Segoe UI",Inter,Roboto,"Helvetica Neue",Arial,sans-serif;\
      font-variant-numeric:tabular-nums}.chart text{fill:var(--soft)}.chart .strong{fill:var(--ink)}\
      .chart .heading{fill:var(--ink);font-size:15px;font-weight:600}.chart .over{fill:var(--on)}\
      .chart .paper{fill:var(--paper)}.chart .grid{stroke:var(--grid);fill:none}.chart .axis{stroke:var(--rule);fill:none}\
      .chart .guide{stroke:var(--soft);fill:none;stroke-dasharray:2 4}.chart .box{stroke:var(--ink);fill:none;stroke-dasharray:4 3}\
      .chart .line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}\
      .chart .faint{fill:none;stroke-width:1;stroke-opacity:.32}.chart .dashed{stroke-dasharray:5 4}\
      .chart .ring{fill:var(--paper);stroke-width:1.6}.chart .good{fill:var(--good)}.chart .bad{fill:var(--bad)}\
      .chart .good-line{stroke:var(--good)}.chart .seen{fill:none;stroke:var(--ink);stroke-width:.9;stroke-opacity:.75}
      """
    for index in 0..<count {
      rules += ".chart .s\(index){stroke:var(--c\(index))}.chart .f\(index){fill:var(--c\(index))}"
    }
    return rules
  }()

  /// How many series colours there are; further series begin again.
  static let count = 8
}
