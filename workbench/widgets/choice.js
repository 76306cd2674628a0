// A drop-down list with groups, and with entries that cannot be chosen and say why.

function render({ model, el }) {
  el.classList.add("wb-choice");
  const list = document.createElement("select");
  el.append(list);

  function entry({ label, value, why }) {
    const option = document.createElement("option");
    option.textContent = label;
    option.value = value;
    option.disabled = Boolean(why);
    option.title = why ?? "";
    return option;
  }
  function fill() {
    const groups = new Map();
    const parts = [];
    for (const one of model.get("options")) {
      if (!one.group) {
        parts.push(entry(one));
        continue;
      }
      if (!groups.has(one.group)) {
        const group = document.createElement("optgroup");
        group.label = one.group;
        groups.set(one.group, group);
        parts.push(group);
      }
      groups.get(one.group).append(entry(one));
    }
    list.replaceChildren(...parts);
    show();
  }
  function show() {
    list.value = model.get("value");
    list.disabled = model.get("disabled");
    list.title = model.get("hint") || model.get("label");
    list.setAttribute("aria-label", model.get("label"));
  }
  list.addEventListener("change", () => {
    model.set("value", list.value);
    model.save_changes();
  });
  model.on("change:options", fill);
  model.on("change:value change:disabled change:hint change:label", show);
  fill();
}

export default { render };
