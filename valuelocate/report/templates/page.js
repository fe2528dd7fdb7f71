"use strict";
// Pictures: each holder names a JSON block with the picture's data and layout.
const holders = [...document.querySelectorAll("[data-figure]")];
for (const holder of holders) {
  const spec = JSON.parse(document.getElementById(holder.dataset.figure).textContent);
  Plotly.newPlot(holder, spec.data, spec.layout, {
    responsive: true,
    displaylogo: false,
    // Named one by one: the default bar has a button that sends the data to a server.
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
    plotlyServerURL: "",
    toImageButtonOptions: { format: "svg", filename: holder.dataset.figure },
  });
}
// Paper: pictures keep the width of the window unless told; these are the widths of the print style.
window.addEventListener("beforeprint", () => {
  for (const holder of holders) {
    Plotly.relayout(holder, { autosize: false, width: holder.closest(".columns") ? 490 : 1020 });
  }
});
window.addEventListener("afterprint", () => {
  for (const holder of holders) Plotly.relayout(holder, { autosize: true, width: null });
});
// Tables: a click on a heading sorts by its column; a cell's data-key is what it sorts by.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
      const rows = [...table.tBodies[0].rows].sort((a, b) => {
        const [first, second] = [key(a), key(b)];
        // What was not measured stays at the end, whichever way the rest is sorted.
        if (first === "" || second === "") return (first === "") - (second === "");
        const [x, y] = [Number(first), Number(second)];
        const order = Number.isNaN(x) || Number.isNaN(y) ? first.localeCompare(second) : x - y;
        return falling ? -order : order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
