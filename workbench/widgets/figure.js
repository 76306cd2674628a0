// A figure drawn by Python, made alive in the browser.
//
// Python sends a picture and a table of hit points (x, y as fractions of the picture, y down, and
// the code of the subject). This file finds the point under the pointer, shows its tooltip, paints
// the selected subject over the picture and handles the keyboard. So a selection needs no round
// trip to be seen, and works while the kernel is busy.

const NONE = -1;
const REACH = 13; // px: how near the pointer must be to a point
const RESIZE_DELAY = 120; // ms of rest before Python is asked to draw at a new size

const element = (tag, className, parent) => {
  const node = document.createElement(tag);
  node.className = className;
  parent.append(node);
  return node;
};

const floats = (view) =>
  view && view.byteLength
    ? new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength))
    : new Float32Array(0);

function render({ model, el }) {
  el.classList.add("wb-figure");
  const box = element("div", "wb-figure-box", el);
  box.tabIndex = 0;
  box.setAttribute("role", "img");
  const image = element("img", "", box);
  image.draggable = false;
  image.alt = "";
  const canvas = element("canvas", "", box);
  const tip = element("div", "wb-figure-tip", box);
  const failure = element("div", "wb-figure-error", box);
  failure.setAttribute("role", "alert");

  let url = null;
  let hits = new Float32Array(0);
  let width = 0;
  let height = 0;
  let frame = 0;
  let timer = 0;

  const selected = () => model.get("selected");
  const label = (code) => model.get("labels")[code] ?? "";

  function describe(marked) {
    const code = selected();
    const subject = code === NONE ? "" : ` Selected subject: ${label(code)}.`;
    const keys = model.get("labels").length ? " Arrow keys change the subject, Escape clears." : "";
    box.setAttribute("aria-label", `${model.get("alt")}.${subject}${keys}`);
    box.dataset.selected = code === NONE ? "" : label(code);
    box.dataset.marked = String(marked);
  }

  function paint() {
    frame = 0;
    const ratio = window.devicePixelRatio || 1;
    const w = Math.round(width * ratio);
    const h = Math.round(height * ratio);
    if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const code = selected();
    let marked = 0;
    if (code !== NONE) {
      pen.fillStyle = model.get("mark_color");
      pen.strokeStyle = model.get("mark_edge");
      pen.lineWidth = 1.4;
      for (let i = 0; i < hits.length; i += 3) {
        if (hits[i + 2] !== code) continue;
        marked += 1;
        if (!model.get("overlay")) continue;
        pen.beginPath();
        pen.arc(hits[i] * width, hits[i + 1] * height, 4.6, 0, 2 * Math.PI);
        pen.fill();
        pen.stroke();
      }
    }
    describe(marked);
    box.dataset.painted = String(performance.now());
  }
  const repaint = () => {
    if (!frame) frame = requestAnimationFrame(paint);
  };

  function showPicture() {
    const png = model.get("png");
    if (!png || !png.byteLength) return;
    const next = URL.createObjectURL(new Blob([png], { type: "image/png" }));
    image.onload = () => {
      if (url && url !== next) URL.revokeObjectURL(url);
      url = next;
      box.dataset.drawn = String(performance.now());
    };
    image.src = next;
  }
  function showHits() {
    hits = floats(model.get("hits"));
    repaint();
  }
  function showError() {
    failure.textContent = model.get("error");
    box.classList.toggle("wb-figure-failed", Boolean(model.get("error")));
  }

  function nearest(event) {
    const bounds = box.getBoundingClientRect();
    const x = event.clientX - bounds.left;
    const y = event.clientY - bounds.top;
    let best = -1;
    let least = REACH * REACH;
    for (let i = 0; i < hits.length; i += 3) {
      const dx = hits[i] * width - x;
      const dy = hits[i + 1] * height - y;
      const d = dx * dx + dy * dy;
      // On a tie the selected subject wins, so that a click on its mark keeps it.
      if (d < least || (d === least && hits[i + 2] === selected())) {
        least = d;
        best = i;
      }
    }
    return best;
  }
  function select(code) {
    if (selected() === code) return;
    model.set("selected", code);
    model.save_changes();
  }
  function point(event) {
    const i = nearest(event);
    box.style.cursor = i < 0 ? "default" : "pointer";
    tip.style.display = i < 0 ? "none" : "block";
    if (i < 0) return;
    tip.textContent = model.get("tips")[i / 3] || `ID ${label(hits[i + 2])}`;
    const half = tip.offsetWidth / 2 + 4;
    const x = hits[i] * width;
    const y = hits[i + 1] * height;
    tip.style.left = `${Math.min(Math.max(x, half), Math.max(half, width - half))}px`;
    tip.style.top = `${y < 46 ? y + 34 : y - 12}px`;
  }
  function key(event) {
    const n = model.get("labels").length;
    if (!n) return;
    const code = selected();
    if (event.key === "ArrowRight" || event.key === "ArrowDown") select((code + 1) % n);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") select((code <= 0 ? n : code) - 1);
    else if (event.key === "Home") select(0);
    else if (event.key === "End") select(n - 1);
    else if (event.key === "Escape") select(NONE);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  box.addEventListener("click", (event) => {
    const i = nearest(event);
    select(i < 0 ? NONE : hits[i + 2]);
  });
  box.addEventListener("pointermove", point);
  box.addEventListener("pointerleave", () => (tip.style.display = "none"));
  box.addEventListener("keydown", key);

  const resize = new ResizeObserver(() => {
    const bounds = box.getBoundingClientRect();
    if (bounds.width < 20 || bounds.height < 20) return; // a hidden tab
    width = bounds.width;
    height = bounds.height;
    repaint();
    clearTimeout(timer);
    const size = [Math.round(width), Math.round(height), window.devicePixelRatio || 1];
    const ask = () => {
      model.set("size", size);
      model.save_changes();
    };
    // The first size is sent at once: the page is waiting for it.
    if (model.get("size")[0] === 0) ask();
    else timer = setTimeout(ask, RESIZE_DELAY);
  });
  resize.observe(box);

  model.on("change:png", showPicture);
  model.on("change:hits", showHits);
  model.on("change:error", showError);
  model.on("change:selected change:mark_color change:overlay change:alt change:labels", repaint);
  showPicture();
  showHits();
  showError();

  return () => {
    resize.disconnect();
    clearTimeout(timer);
    if (url) URL.revokeObjectURL(url);
  };
}

export default { render };
