// Draws each chart from the specification that lies beside it in the page, as SVG with ARIA labels.
// The interpreter walks expressions as trees; Vega's own way compiles them, which the page's policy forbids.
(function () {
  "use strict";
  function draw(plot) {
    const spec = JSON.parse(plot.querySelector("script").textContent);
    const runtime = vega.parse(vegaLite.compile(spec).spec, null, { ast: true });
    const view = new vega.View(runtime, { renderer: "svg", hover: false, expr: vega.expressionInterpreter });
    return view.initialize(plot.querySelector("div")).runAsync();
  }

  for (const plot of document.querySelectorAll(".plot")) draw(plot);
})();
