/// How the page looks: one column of calm text, charts side by side where there is room, and a version for paper.
enum PageStyle {
  static let css =
    ChartPalette.css(selector: ":root") + ChartPalette.chartRules + barColors + """
      *{box-sizing:border-box}
      html{-webkit-text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:3.5rem}
      @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
      body{margin:0;background:var(--paper);color:var(--ink);line-height:1.55;font-size:16px;
      font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Inter,Roboto,"Helvetica Neue",Arial,sans-serif;
      font-variant-numeric:tabular-nums;overflow-wrap:break-word}
      header,main,footer{max-width:70rem;margin:0 auto;padding:0 1.25rem}
      .skip{position:absolute;left:-99rem;top:0;background:var(--ink);color:var(--paper);padding:.6rem 1rem;z-index:3}
      .skip:focus{left:0}
      :focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
      a{color:var(--accent);text-underline-offset:.15em}
      header{padding-top:3rem}
      .over{color:var(--soft);font-size:.85rem;letter-spacing:.02em;margin:0 0 .3rem}
      h1{font-size:2.1rem;line-height:1.2;font-weight:650;letter-spacing:-.02em;margin:0 0 .9rem}
      .verdict{font-size:1.2rem;line-height:1.55;max-width:44rem;margin:0 0 2rem;text-wrap:pretty}
      .figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1.5rem 2rem;margin:0 0 2.2rem;
      padding:1.4rem 0;border-top:1px solid var(--rule)}
      .figures dt{color:var(--soft);font-size:.85rem}
      .figures dd{margin:0}.figures .big{font-size:1.75rem;font-weight:600;letter-spacing:-.02em;line-height:1.3}
      .figures .iv{max-width:11rem}.figures .sub{color:var(--soft);font-size:.85rem}
      nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--rule)}
      nav ul{display:flex;gap:1.4rem;list-style:none;max-width:70rem;margin:0 auto;padding:0 1.25rem;overflow-x:auto;
      scrollbar-width:none}nav ul::-webkit-scrollbar{display:none}
      nav a{display:block;padding:.75rem 0;color:var(--soft);text-decoration:none;font-size:.9rem;white-space:nowrap}
      nav a:hover{color:var(--ink)}
      section{padding:2.6rem 0 .6rem}section+section{border-top:1px solid var(--rule)}
      h2{font-size:1.4rem;font-weight:650;letter-spacing:-.01em;line-height:1.3;margin:0 0 .5rem}
      h3{font-size:1.02rem;font-weight:600;margin:2rem 0 .5rem}
      p{margin:0 0 1rem;max-width:46rem;text-wrap:pretty}.lead{color:var(--soft);margin-bottom:1.6rem}
      .note,.more{color:var(--soft);font-size:.875rem}.note{margin:.4rem 0 .6rem}
      .cols{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:2rem 2.5rem;
      margin:0 0 1.2rem;align-items:start}
      figure{margin:0;min-width:0}figcaption{font-weight:600;font-size:.95rem;margin:0 0 .5rem}
      svg.chart{display:block;width:100%;height:auto;max-width:34rem;overflow:visible}
      .wide svg.chart{max-width:100%;width:auto;min-width:30rem}
      .scroll{overflow-x:auto;margin:0 0 1rem}.scroll+button.act{margin:0 0 1.6rem;font-size:.8rem;color:var(--soft)}
      table{border-collapse:collapse;font-size:.9rem;min-width:100%}
      th,td{text-align:left;padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--grid);vertical-align:top;font-weight:400}
      thead th{color:var(--soft);font-size:.82rem;white-space:nowrap;border-bottom-color:var(--rule);vertical-align:bottom}
      th.n,td.n{text-align:right;white-space:nowrap}th:last-child,td:last-child{padding-right:.25rem}
      tbody th{font-weight:500}tr.sum td,tr.sum th{border-top:1px solid var(--rule)}
      th button{all:unset;cursor:pointer}th button:focus-visible{outline:2px solid var(--accent)}
      th[aria-sort=ascending] button::after{content:" ↑"}th[aria-sort=descending] button::after{content:" ↓"}
      .vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
      details.twin{margin:.4rem 0 1rem}summary{cursor:pointer;color:var(--soft);font-size:.875rem;padding:.2rem 0}
      summary:hover{color:var(--ink)}
      details.twin .scroll{max-height:22rem;overflow:auto;border:1px solid var(--rule);border-radius:6px;padding:0 .8rem;
      margin-top:.4rem}
      button.act,input.find{font:inherit;font-size:.875rem;color:var(--ink);background:var(--paper);
      border:1px solid var(--rule);border-radius:6px;padding:.35rem .75rem}
      button.act{cursor:pointer}button.act:hover{border-color:var(--soft)}
      button.act[aria-pressed=true]{background:var(--ink);color:var(--paper);border-color:var(--ink)}
      .tools{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:0 0 1rem}.tools output{color:var(--soft);
      font-size:.875rem;margin-left:.4rem}input.find{min-width:11rem;flex:0 1 16rem}
      .iv{display:block;position:relative;height:.7rem;min-width:6rem;margin:.3rem 0;background:linear-gradient(var(--rule),
      var(--rule)) center/100% 1px no-repeat}
      .iv i{position:absolute;top:50%;transform:translateY(-50%)}.iv .band{height:.32rem;background:var(--c0);opacity:.35;
      border-radius:1rem}.iv .dot{width:.6rem;height:.6rem;margin-left:-.3rem;border-radius:50%;background:var(--c0)}
      .iv .base{width:1px;height:.7rem;background:var(--soft)}
      .toks{display:block;margin-top:.3rem;line-height:1.9}
      .tok{display:inline-block;font:.8rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
      padding:0 .35rem;border-radius:4px;background:var(--wash);border:1px solid var(--rule);white-space:pre-wrap;
      overflow-wrap:anywhere}
      .tok.sp{border-color:transparent;background:none;color:var(--soft);padding:0 .1rem}
      .tok.un{border:1px dashed var(--bad);color:var(--bad)}
      .txt{white-space:pre-wrap;overflow-wrap:anywhere}
      .bar{display:flex;height:.5rem;border-radius:3px;overflow:hidden;background:var(--grid);min-width:9rem;max-width:18rem;
      margin:.45rem 0 .3rem;gap:1px}.bar i{display:block}
      .probs{display:flex;flex-wrap:wrap;gap:.05rem .9rem;font-size:.82rem;color:var(--soft)}.probs span{white-space:nowrap}
      .near>span,.miss-mark{white-space:nowrap}.key{display:inline-block;width:.55rem;height:.55rem;border-radius:2px;margin-right:.35rem}
      .yes{color:var(--good)}.no{color:var(--bad);font-weight:500}.flag{color:var(--warn);font-size:.82rem}
      ul.find{list-style:none;padding:0;margin:0 0 1.4rem;max-width:46rem}ul.find li{padding:.3rem 0 .3rem 1.6rem;
      position:relative}ul.find li::before{position:absolute;left:0;content:"✓";color:var(--good)}
      ul.find li.doubt::before{content:"!";color:var(--bad);font-weight:700;left:.25rem}
      .confusion{width:auto;min-width:0;border-collapse:separate;border-spacing:3px}.confusion th,.confusion td{border:0}
      .confusion td{padding:0;min-width:4.2rem;height:3.2rem;text-align:center;vertical-align:middle;border-radius:5px;
      background:var(--wash)}.confusion th{padding:.3rem .6rem .3rem 0;vertical-align:middle}
      .confusion thead th{text-align:center;padding:.2rem}.confusion .corner{text-align:left;font-size:.8rem}
      .confusion.many td{min-width:2rem;height:2rem;font-size:.8rem}
      .confusion td.hit{background:color-mix(in srgb,var(--c0) calc(var(--s)*1%),var(--wash))}
      .confusion td.miss{background:color-mix(in srgb,var(--c1) calc(var(--s)*1%),var(--wash))}
      .confusion td.dark{color:var(--on)}.confusion td.zero{color:var(--soft)}
      .confusion .pct{display:block;font-size:.75rem}
      .confusion button{all:unset;box-sizing:border-box;cursor:pointer;display:block;width:100%;padding:.35rem 0;
      border-radius:5px}.confusion button:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
      .side p{color:var(--soft);font-size:.95rem;margin-top:.4rem}dl.facts{display:grid;grid-template-columns:minmax(9rem,auto) 1fr;gap:.35rem 1.5rem;font-size:.9rem;margin:0 0 1.4rem}
      dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;min-width:0;overflow-wrap:anywhere}
      pre+button.act{margin:-.2rem 0 1.4rem}pre{background:var(--wash);border:1px solid var(--rule);border-radius:6px;padding:.9rem 1rem;overflow:auto;
      font:.85rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;
      overflow-wrap:anywhere;margin:0 0 1rem;max-height:30rem}
      code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
      footer{padding-top:1.5rem;padding-bottom:3rem;margin-top:2rem;border-top:1px solid var(--rule);color:var(--soft);
      font-size:.875rem}
      .near{font-size:.82rem;color:var(--soft);margin-top:.35rem}
      @media (max-width:40rem){header{padding-top:1.75rem}h1{font-size:1.65rem}.verdict{font-size:1.08rem}
      .figures{grid-template-columns:1fr 1fr;gap:1.1rem 1.25rem}.figures .big{font-size:1.45rem}
      dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:.6rem}
      .rows thead{display:none}.rows,.rows tbody,.rows tr,.rows td,.rows th{display:block}.rows tr{padding:.8rem 0;
      border-bottom:1px solid var(--rule)}.rows tr[hidden]{display:none}.rows td,.rows th,.rows td.n{border:0;padding:.1rem 0;
      text-align:left;white-space:normal}.rows tbody th{font-weight:600}.rows th .flag{font-weight:400}.rows td[data-h]::before{content:attr(data-h) " ";color:var(--soft);font-size:.82rem}
      .confusion td{min-width:3.6rem}}
      @media print{nav,.tools,.skip,button.act{display:none!important}body{font-size:10.5pt}header{padding-top:0}
      section{padding:1.2rem 0 .4rem}figure,tr,.figures{break-inside:avoid}h2,h3{break-after:avoid}
      .scroll,details.twin .scroll{max-height:none;overflow:visible;border:0}a{color:inherit;text-decoration:none}
      .cols{grid-template-columns:1fr 1fr}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
      """

  /// The colours of classes in bars of probabilities: those of the charts.
  private static var barColors: String {
    (0..<ChartPalette.count).map { ".b\($0){background:var(--c\($0))}" }.joined()
  }
}
