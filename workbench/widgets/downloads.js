// A small menu of files that Python makes when they are asked for; the browser saves them.

function save({ name, type }, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea"); // not a secure page, or permission refused
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}

function render({ model, el }) {
  el.classList.add("wb-downloads");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "⋯";
  button.title = "Save this view or its numbers";
  button.setAttribute("aria-label", button.title);
  button.setAttribute("aria-haspopup", "menu");
  const menu = document.createElement("div");
  menu.setAttribute("role", "menu");
  menu.hidden = true;
  el.append(button, menu);

  function open(shown) {
    menu.hidden = !shown;
    button.setAttribute("aria-expanded", String(shown));
    if (shown) menu.querySelector("button")?.focus();
  }
  function fill() {
    menu.replaceChildren(
      ...model.get("entries").map(([label, what]) => {
        const entry = document.createElement("button");
        entry.type = "button";
        entry.setAttribute("role", "menuitem");
        entry.textContent = label;
        entry.addEventListener("click", () => {
          open(false);
          button.focus();
          model.send({ wanted: what });
        });
        return entry;
      })
    );
  }
  async function receive(message, buffers) {
    if (message.files) message.files.forEach((file, i) => save(file, buffers[i]));
    if (message.text) button.title = (await copy(message.text)) ? "Copied" : message.text;
  }
  button.addEventListener("click", () => open(menu.hidden));
  el.addEventListener("focusout", (event) => {
    if (!el.contains(event.relatedTarget)) open(false);
  });
  el.addEventListener("keydown", (event) => {
    const entries = [...menu.querySelectorAll("button")];
    const at = entries.indexOf(document.activeElement);
    if (event.key === "Escape") {
      open(false);
      button.focus();
    } else if (event.key === "ArrowDown" && !menu.hidden) entries[(at + 1) % entries.length]?.focus();
    else if (event.key === "ArrowUp" && !menu.hidden) entries.at(at - 1)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  model.on("msg:custom", receive);
  model.on("change:entries", fill);
  fill();
  return () => model.off("msg:custom", receive);
}

export default { render };
