// A listing with a button that copies it.

function render({ model, el }) {
  el.classList.add("wb-listing");
  const button = document.createElement("button");
  button.className = "jupyter-button wb-copy";
  const code = document.createElement("pre");
  code.className = "wb-code";
  code.tabIndex = 0;
  el.append(button, code);

  const say = (text) => (button.textContent = text);
  const show = () => {
    code.textContent = model.get("text");
    say("Copy");
  };
  function copyBySelection() {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
  button.addEventListener("click", async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(model.get("text"));
      copied = true;
    } catch {
      copied = copyBySelection(); // not a secure page, or permission refused
    }
    say(copied ? "Copied" : "Press Ctrl+C");
    setTimeout(() => say("Copy"), 1500);
  });
  model.on("change:text", show);
  show();
}

export default { render };
