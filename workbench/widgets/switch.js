// A check box with words beside it and a tooltip over both, also while it is disabled.

function render({ model, el }) {
  el.classList.add("wb-switch");
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  const words = document.createElement("span");
  label.append(box, words);
  el.append(label);

  function show() {
    box.checked = model.get("value");
    box.disabled = model.get("disabled");
    words.textContent = model.get("words");
    label.title = model.get("hint");
  }
  box.addEventListener("change", () => {
    model.set("value", box.checked);
    model.save_changes();
  });
  model.on("change:value change:disabled change:words change:hint", show);
  show();
}

export default { render };
