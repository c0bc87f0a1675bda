// Puts texts, rows and lines into the document. What comes from clients is set as text, never as markup.

const HEIGHT = 40;

function element(id) {
  return document.getElementById(id);
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function made(name, text = "", className = "") {
  const node = document.createElement(name);
  node.textContent = text;
  node.className = className;
  return node;
}

function showFigure(id, [number, unit]) {
  const node = element(id);
  const text = node.firstChild ?? node.appendChild(new Text());
  if (text.data !== number) text.data = number;
  if (!node.querySelector("small")) node.append(made("small"));
  setText(node.querySelector("small"), unit);
}

function showAll(id, entries) {
  const rows = entries.map(([name, text]) => {
    const row = made("div");
    row.append(made("dt", name), made("dd", text));
    return row;
  });
  element(id).replaceChildren(...rows);
}

// One row for each item. A cell is a text or a figure; with more than that, an object with `text` or `lines`.
function showRows(id, items, cells) {
  const body = element(id).tBodies[0];
  const heads = [...element(id).tHead.rows[0].cells];
  while (body.rows.length > items.length) body.deleteRow(-1);
  items.forEach((item, at) => {
    const row = body.rows[at] ?? body.insertRow();
    cells(item).forEach((cell, column) => {
      const node = row.cells[column] ?? row.appendChild(cellUnder(heads[column], column === 0 && id === "workers"));
      showCell(node, cell);
    });
  });
}

function cellUnder(head, isRowHead) {
  const node = made(isRowHead ? "th" : "td", "", head.className);
  if (isRowHead) node.scope = "row";
  return node;
}

function showCell(node, cell) {
  if (typeof cell === "string") return setText(node, cell);
  if (Array.isArray(cell)) return setText(node, written(cell));
  if (cell.className !== undefined) node.className = cell.className;
  if (cell.share !== undefined) node.style.setProperty("--share", String(Math.min(1, cell.share ?? 0)));
  if (cell.lines === undefined) return setText(node, cell.text);
  if (!node.firstChild) node.append(made("b"), made("span"));
  node.title = cell.lines.join("\n");
  cell.lines.forEach((line, at) => setText(node.children[at], line));
}

// Draws lines through the last POINTS values, ending at the right; null is a gap. The first one is filled.
// Returns the greatest value, or null where there is none.
function drawLines(id, series, top) {
  const svg = element(id);
  if (!svg.firstChild) {
    svg.setAttribute("viewBox", `0 0 ${POINTS - 1} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    const classes = ["area line-0", ...series.map((_, at) => `line-${at}`)];
    svg.append(...classes.map((name) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("class", name);
      return path;
    }));
  }
  const values = series.flat().filter((value) => value !== null);
  const greatest = Math.max(top, ...values) || 1;
  const runs = series.map((line) => runsOf(line, (value) => HEIGHT - (HEIGHT - 3) * (value / greatest)));
  const [area, ...lines] = svg.children;
  area.setAttribute("d", runs[0].map((run) => `M${run[0][0]},${HEIGHT}L${run.join("L")}L${run.at(-1)[0]},${HEIGHT}Z`).join(""));
  lines.forEach((line, at) => line.setAttribute("d", runs[at].map((run) => `M${run.join("L")}`).join("")));
  return values.length ? Math.max(...values) : null;
}

// The points without gaps between them.
function runsOf(values, height) {
  const runs = [[]];
  values.forEach((value, at) => {
    if (value === null) runs.push([]);
    else runs.at(-1).push([POINTS - values.length + at, height(value).toFixed(2)]);
  });
  return runs.filter((run) => run.length > 0);
}
