// A table with one row a subject: a click or the arrow keys select the subject everywhere.

const NONE = -1;

function render({ model, el }) {
  el.classList.add("wb-subjects");
  const table = document.createElement("table");
  table.className = "wb-table wb-clickable";
  table.tabIndex = 0;
  el.append(table);
  let rows = [];

  function select(code) {
    if (model.get("selected") === code) return;
    model.set("selected", code);
    model.save_changes();
  }
  function mark() {
    const code = model.get("selected");
    rows.forEach((row, i) => {
      row.classList.toggle("wb-selected", i === code);
      row.setAttribute("aria-selected", String(i === code));
    });
    table.dataset.selected = code === NONE ? "" : (model.get("labels")[code] ?? "");
    if (rows[code] && table.contains(document.activeElement)) rows[code].scrollIntoView({ block: "nearest" });
  }
  function fill() {
    const line = (cells, tag) => {
      const row = document.createElement("tr");
      cells.forEach((text) => {
        const cell = document.createElement(tag);
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    };
    const head = document.createElement("thead");
    head.append(line(model.get("head"), "th"));
    const body = document.createElement("tbody");
    rows = model.get("rows").map((cells, code) => {
      const row = line(cells, "td");
      row.addEventListener("click", () => select(code));
      return row;
    });
    body.append(...rows);
    table.replaceChildren(head, body);
    table.setAttribute("aria-label", model.get("alt"));
    mark();
  }
  table.addEventListener("keydown", (event) => {
    const n = rows.length;
    const code = model.get("selected");
    if (event.key === "ArrowDown") select((code + 1) % n);
    else if (event.key === "ArrowUp") select((code <= 0 ? n : code) - 1);
    else if (event.key === "Escape") select(NONE);
    else return;
    event.preventDefault();
  });
  model.on("change:rows change:head", fill);
  model.on("change:selected", mark);
  fill();
}

export default { render };
